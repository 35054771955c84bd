UPDATE parts SET worker = NULL, lease_expires_at = NULL, left_to_owner = max(left_to_owner, ?5)
WHERE job = ?1 AND number = ?2 AND worker = ?3 AND claims = ?4;
