-- What was made at a time that has not come yet, by a clock that has been set back since. Open deliveries are found by the
-- heads of their chains: those that are closed are many more. What another one is changing is left to it.
UPDATE deliveries
SET not_before = $1
WHERE id IN (SELECT waiting.id
             FROM endpoints
             JOIN deliveries AS heads ON heads.endpoint = endpoints.id AND heads.head
             JOIN deliveries AS waiting ON waiting.job = heads.job AND waiting.endpoint = heads.endpoint
             WHERE waiting.state = 'pending' AND waiting.not_before > $1 AND waiting.opened_at > $1
             FOR NO KEY UPDATE OF waiting SKIP LOCKED);
