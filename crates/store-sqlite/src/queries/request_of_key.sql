SELECT job AS id, request
FROM idempotency_keys
WHERE client = ?1 AND key = ?2 AND created_at > ?3;
