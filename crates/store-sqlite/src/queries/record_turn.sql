INSERT INTO turns (client, long, start, finish)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (client, long) DO UPDATE SET start = excluded.start, finish = excluded.finish;
