UPDATE clients
SET previous_secret = secret, previous_until = $3, secret = $2
WHERE key = $1;
