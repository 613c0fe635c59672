-- Where a store keeps what it needs to go on with an upload; NULL for a folder, which needs nothing.
ALTER TABLE uploads ADD COLUMN store_state BLOB;

-- Which request writes to an upload, and until when it is believed to.
ALTER TABLE uploads ADD COLUMN writer VARCHAR(36);
ALTER TABLE uploads ADD COLUMN writer_until_ms BIGINT;

-- Work that one node does at a time: whoever holds a lease has it until then, unless it is renewed.
CREATE TABLE leases (
    name VARCHAR(64) NOT NULL PRIMARY KEY,
    holder VARCHAR(36) NOT NULL,
    until_ms BIGINT NOT NULL
);
