-- Also those of deleted endpoints: nobody sends by them any more, but they would still lie here.
UPDATE endpoints
SET old_token        = CASE WHEN old_token_until > $1 THEN old_token END,
    old_token_until  = CASE WHEN old_token_until > $1 THEN old_token_until END,
    old_secret       = CASE WHEN old_secret_until > $1 THEN old_secret END,
    old_secret_until = CASE WHEN old_secret_until > $1 THEN old_secret_until END
WHERE (old_token IS NOT NULL OR old_secret IS NOT NULL)
  AND (old_token_until <= $1 OR old_secret_until <= $1);
