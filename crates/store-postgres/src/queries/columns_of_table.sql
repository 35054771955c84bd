SELECT column_name::text, udt_name::text
FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name::text = $1 AND is_generated = 'NEVER'
ORDER BY column_name;
