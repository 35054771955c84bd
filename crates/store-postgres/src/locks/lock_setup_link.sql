-- A link works once: of two who use it at the same time the second one waits here and finds it gone.
SELECT token
FROM setup_links
WHERE token = $1
FOR UPDATE;
