-- What was made at a time that has not come yet, by a clock that has been set back since. Open deliveries are found by the
-- heads of their chains: those that are closed are many more.
UPDATE deliveries
SET not_before = ?1
WHERE state = 'pending' AND not_before > ?1 AND opened_at > ?1
  AND id IN (SELECT waiting.id
             FROM endpoints
             CROSS JOIN deliveries AS heads ON heads.endpoint = endpoints.id AND heads.head = 1
             CROSS JOIN deliveries AS waiting ON waiting.job = heads.job AND waiting.endpoint = heads.endpoint);
