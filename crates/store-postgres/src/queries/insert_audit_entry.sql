INSERT INTO audit (id, at, actor_kind, actor, actor_name, action, subject_kind, subject, client, detail, address)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);
