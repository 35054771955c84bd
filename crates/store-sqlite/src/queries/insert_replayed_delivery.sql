-- Its event is old and its schedule begins with the replay. Whether it is the head is decided after it: it may belong before
-- one that is open.
INSERT INTO deliveries (id, event, client, job, endpoint, sequence, head, attempts, failures, claims, created_at, opened_at,
                        state, not_before)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, 0, ?7, max(?7, ?8), 'pending', ?8);
