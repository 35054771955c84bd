-- A disabled endpoint hears nothing of what happens meanwhile; a held one hears it later.
SELECT id
FROM endpoints
WHERE client = ?1 AND state IN ('active', 'held') AND deleted_at IS NULL
ORDER BY id;
