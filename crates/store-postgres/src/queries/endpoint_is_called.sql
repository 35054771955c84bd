SELECT EXISTS (SELECT 1 FROM deliveries WHERE endpoint = $1 AND state = 'sending');
