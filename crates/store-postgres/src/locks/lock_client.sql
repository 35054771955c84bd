-- Until the end of the transaction nobody writes an event of this client; whoever was writing one has committed. A lock is
-- named by a number: the random half of the client's identifier.
SELECT pg_advisory_xact_lock(('x' || right(replace($1::uuid::text, '-', ''), 16))::bit(64)::bigint);
