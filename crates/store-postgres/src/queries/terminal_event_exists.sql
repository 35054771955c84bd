SELECT EXISTS (SELECT 1 FROM events WHERE job = $1 AND status IN ('Succeeded', 'Failed'));
