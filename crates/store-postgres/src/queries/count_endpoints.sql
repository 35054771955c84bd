SELECT count(*)
FROM endpoints
WHERE client = $1 AND deleted_at IS NULL;
