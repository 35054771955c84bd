SELECT (hour - $1) / $3 AS stretch, sum(delivered)::bigint AS delivered, sum(failed)::bigint AS failed,
       sum(duration_ms)::bigint AS duration_ms, sum(class_0)::bigint AS class_0, sum(class_1)::bigint AS class_1,
       sum(class_2)::bigint AS class_2, sum(class_3)::bigint AS class_3, sum(class_4)::bigint AS class_4,
       sum(class_5)::bigint AS class_5, sum(class_6)::bigint AS class_6, sum(class_7)::bigint AS class_7,
       sum(class_8)::bigint AS class_8, sum(class_9)::bigint AS class_9, sum(class_10)::bigint AS class_10,
       sum(class_11)::bigint AS class_11
FROM attempt_hours
WHERE endpoint = $4 AND hour >= $1 AND hour < $2
GROUP BY stretch;
