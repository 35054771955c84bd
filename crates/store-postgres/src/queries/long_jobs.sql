-- Read in pieces of $3 rows: there is no walking along a query here that ends when the reader has enough.
SELECT id
FROM jobs
WHERE long AND id < $1 AND id >= $2
ORDER BY id DESC
LIMIT $3;
