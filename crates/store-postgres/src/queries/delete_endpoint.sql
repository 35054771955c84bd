UPDATE endpoints
SET deleted_at = $3, updated_at = $3
WHERE id = $1 AND client = $2 AND deleted_at IS NULL;
