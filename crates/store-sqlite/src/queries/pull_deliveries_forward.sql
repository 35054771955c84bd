UPDATE deliveries
SET not_before = ?2
WHERE endpoint = ?1 AND state = 'pending' AND not_before > ?2;
