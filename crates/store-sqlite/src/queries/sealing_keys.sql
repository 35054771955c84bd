-- The name of the key follows the version.
SELECT sealed_with AS key, count(*) AS secrets
FROM (
    SELECT substr(token, 2, 8) AS sealed_with FROM endpoints
    UNION ALL SELECT substr(old_token, 2, 8) FROM endpoints WHERE old_token IS NOT NULL
    UNION ALL SELECT substr(signing_secret, 2, 8) FROM endpoints
    UNION ALL SELECT substr(old_secret, 2, 8) FROM endpoints WHERE old_secret IS NOT NULL
)
GROUP BY sealed_with
ORDER BY sealed_with;
