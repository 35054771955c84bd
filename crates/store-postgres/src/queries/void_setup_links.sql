-- This also finds those without a user.
DELETE FROM setup_links
WHERE "user" IS NOT DISTINCT FROM $1;
