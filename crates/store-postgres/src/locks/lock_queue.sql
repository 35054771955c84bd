-- Of those who begin jobs, one at a time. The number is nothing but a name.
SELECT pg_advisory_xact_lock(7305803);
