SELECT EXISTS (SELECT 1 FROM jobs WHERE result = $1 AND state = 'succeeded');
