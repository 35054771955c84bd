-- What a worker was at when it lost the job.
UPDATE parts SET worker = NULL, lease_expires_at = NULL WHERE job = $1 AND worker = $2;
