-- Held by whoever writes an event of this client, from before its position is drawn until the commit. Writers do not wait
-- for each other, only for those who have to know that nobody writes (`lock_client.sql`).
SELECT pg_advisory_xact_lock_shared(('x' || right(replace($1::uuid::text, '-', ''), 16))::bit(64)::bigint);
