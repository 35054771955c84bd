UPDATE installation
SET key_check = $2
WHERE key_check = $1;
