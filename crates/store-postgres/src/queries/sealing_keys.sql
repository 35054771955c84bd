-- The name of the key follows the version.
SELECT sealed_with AS key, count(*) AS secrets
FROM (
    SELECT substring(token FROM 2 FOR 8) AS sealed_with FROM endpoints
    UNION ALL SELECT substring(old_token FROM 2 FOR 8) FROM endpoints WHERE old_token IS NOT NULL
    UNION ALL SELECT substring(signing_secret FROM 2 FOR 8) FROM endpoints
    UNION ALL SELECT substring(old_secret FROM 2 FOR 8) FROM endpoints WHERE old_secret IS NOT NULL
) AS seals
GROUP BY sealed_with
ORDER BY sealed_with;
