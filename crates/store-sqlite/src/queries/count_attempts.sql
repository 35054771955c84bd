INSERT INTO attempt_hours (endpoint, hour, delivered, failed, duration_ms, class_0, class_1, class_2, class_3, class_4,
       class_5, class_6, class_7, class_8, class_9, class_10, class_11)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
ON CONFLICT DO UPDATE
SET delivered = delivered + excluded.delivered, failed = failed + excluded.failed,
    duration_ms = duration_ms + excluded.duration_ms, class_0 = class_0 + excluded.class_0,
    class_1 = class_1 + excluded.class_1, class_2 = class_2 + excluded.class_2, class_3 = class_3 + excluded.class_3,
    class_4 = class_4 + excluded.class_4, class_5 = class_5 + excluded.class_5, class_6 = class_6 + excluded.class_6,
    class_7 = class_7 + excluded.class_7, class_8 = class_8 + excluded.class_8, class_9 = class_9 + excluded.class_9,
    class_10 = class_10 + excluded.class_10, class_11 = class_11 + excluded.class_11;
