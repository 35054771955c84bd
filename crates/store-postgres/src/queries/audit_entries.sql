-- Read in pieces of $3 rows: there is no walking along a query here that ends when the reader has enough.
SELECT id, at, actor_kind, actor, actor_name, action, subject_kind, subject, client, detail, address
FROM audit
WHERE id < $1 AND id >= $2
ORDER BY id DESC
LIMIT $3;
