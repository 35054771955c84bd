-- Its event is old and its schedule begins with the replay. Whether it is the head is decided after it: it may belong before
-- one that is open.
INSERT INTO deliveries (id, event, client, job, endpoint, sequence, status, head, attempts, failures, claims, created_at,
                        opened_at, state, not_before)
VALUES ($1, $2, $3, $4, $5, $6, $7, false, 0, 0, 0, $8, greatest($8::bigint, $9::bigint), 'pending', $9);
