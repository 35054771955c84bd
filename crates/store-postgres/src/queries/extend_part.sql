UPDATE parts SET lease_expires_at = $5
WHERE job = $1 AND number = $2 AND worker = $3 AND claims = $4;
