-- Of those who make the first user, or a link for one, one at a time: there is no row yet that could be locked. The
-- number is nothing but a name.
SELECT pg_advisory_xact_lock(7305802);
