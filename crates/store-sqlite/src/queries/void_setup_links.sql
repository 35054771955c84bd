-- IS also finds those without a user.
DELETE FROM setup_links
WHERE user IS ?1;
