-- Hidden ones are generated from others.
SELECT name
FROM pragma_table_xinfo(?1)
WHERE hidden = 0
ORDER BY name;
