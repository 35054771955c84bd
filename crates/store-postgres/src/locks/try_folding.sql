-- Whether nobody else melts counters: two would delete the same rows and could wait for each other. Ends with the
-- transaction. The number is nothing but a name.
SELECT pg_try_advisory_xact_lock(7305801);
