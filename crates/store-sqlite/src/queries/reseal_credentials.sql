-- Whoever rotated in between has sealed with the newest key already.
UPDATE endpoints
SET token = ?6, old_token = ?7, signing_secret = ?8, old_secret = ?9
WHERE id = ?1 AND token = ?2 AND old_token IS ?3 AND signing_secret = ?4 AND old_secret IS ?5;
