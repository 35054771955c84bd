SELECT (hour - ?1) / ?3 AS stretch, sum(delivered) AS delivered, sum(failed) AS failed, sum(duration_ms) AS duration_ms,
       sum(class_0) AS class_0, sum(class_1) AS class_1, sum(class_2) AS class_2, sum(class_3) AS class_3,
       sum(class_4) AS class_4, sum(class_5) AS class_5, sum(class_6) AS class_6, sum(class_7) AS class_7,
       sum(class_8) AS class_8, sum(class_9) AS class_9, sum(class_10) AS class_10, sum(class_11) AS class_11
FROM attempt_hours
WHERE endpoint = ?4 AND hour >= ?1 AND hour < ?2
GROUP BY stretch;
