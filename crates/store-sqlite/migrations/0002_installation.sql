-- Which installation this database belongs to: one row, written by whoever starts first. What is derived from the master key
-- shows a process that was started with another key.
CREATE TABLE installation (
    one       INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    id        BLOB NOT NULL CHECK (length(id) = 16),
    key_check BLOB NOT NULL CHECK (length(key_check) = 32)
) STRICT;
