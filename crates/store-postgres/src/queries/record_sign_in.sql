-- Changes nothing where somebody was shut out meanwhile: a session must not be opened then.
UPDATE users
SET last_sign_in_at = $2
WHERE id = $1 AND state = 'active';
