-- Where a store keeps what it needs to go on with an upload; NULL for a folder, which needs nothing.
ALTER TABLE uploads ADD COLUMN store_state LONGBLOB;

-- Which request writes to an upload, and until when it is believed to.
ALTER TABLE uploads ADD COLUMN writer VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin;
ALTER TABLE uploads ADD COLUMN writer_until_ms BIGINT;

-- Work that one node does at a time: whoever holds a lease has it until then, unless it is renewed.
CREATE TABLE leases (
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    holder VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    until_ms BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
