INSERT INTO attempt_hours (endpoint, hour, delivered, failed, duration_ms, class_0, class_1, class_2, class_3, class_4,
       class_5, class_6, class_7, class_8, class_9, class_10, class_11)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (endpoint, hour) DO UPDATE
SET delivered = attempt_hours.delivered + excluded.delivered, failed = attempt_hours.failed + excluded.failed,
    duration_ms = attempt_hours.duration_ms + excluded.duration_ms, class_0 = attempt_hours.class_0 + excluded.class_0,
    class_1 = attempt_hours.class_1 + excluded.class_1, class_2 = attempt_hours.class_2 + excluded.class_2,
    class_3 = attempt_hours.class_3 + excluded.class_3, class_4 = attempt_hours.class_4 + excluded.class_4,
    class_5 = attempt_hours.class_5 + excluded.class_5, class_6 = attempt_hours.class_6 + excluded.class_6,
    class_7 = attempt_hours.class_7 + excluded.class_7, class_8 = attempt_hours.class_8 + excluded.class_8,
    class_9 = attempt_hours.class_9 + excluded.class_9, class_10 = attempt_hours.class_10 + excluded.class_10,
    class_11 = attempt_hours.class_11 + excluded.class_11;
