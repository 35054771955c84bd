SELECT id, token, old_token, signing_secret, old_secret
FROM endpoints
WHERE id > ?1
ORDER BY id
LIMIT ?2;
