-- Held endpoints at which more chains or deliveries may wait than are allowed: one look into the index of heads each.
SELECT endpoints.id
FROM endpoints
WHERE endpoints.state = 'held' AND endpoints.deleted_at IS NULL
  AND (SELECT count(*) FROM deliveries AS heads
       WHERE heads.endpoint = endpoints.id AND heads.head AND heads.state = 'pending') * 4 > $1;
