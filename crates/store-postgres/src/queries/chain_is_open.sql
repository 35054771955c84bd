SELECT EXISTS (SELECT 1 FROM deliveries WHERE job = $1 AND endpoint = $2 AND closed_at IS NULL);
