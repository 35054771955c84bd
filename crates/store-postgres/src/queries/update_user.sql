UPDATE users
SET client = $2, role = $3, state = $4
WHERE id = $1;
