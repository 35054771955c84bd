-- Waits for everybody who is writing a delivery to it, and they for it: none is born after its deliveries were dropped.
SELECT id
FROM endpoints
WHERE id = $1
FOR UPDATE;
