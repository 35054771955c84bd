-- Which installation this database belongs to: one row, written by whoever starts first. What is derived from the master key
-- shows a process that was started with another key.
CREATE TABLE installation (
    one       bigint PRIMARY KEY CHECK (one = 1),
    id        uuid NOT NULL,
    key_check bytea NOT NULL CHECK (octet_length(key_check) = 32)
);
