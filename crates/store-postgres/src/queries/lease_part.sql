UPDATE parts SET claims = $3, worker = $4, lease_expires_at = $5 WHERE job = $1 AND number = $2;
