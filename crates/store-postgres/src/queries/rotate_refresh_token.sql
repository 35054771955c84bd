UPDATE refresh_tokens
SET rotated_at = $2
WHERE hash = $1 AND rotated_at IS NULL;
