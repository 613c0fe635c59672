-- Where a store keeps what it needs to go on with an upload; NULL for a folder, which needs nothing.
ALTER TABLE uploads ADD COLUMN store_state BYTEA;

-- Which request writes to an upload, and until when it is believed to.
ALTER TABLE uploads ADD COLUMN writer VARCHAR(36) COLLATE "C";
ALTER TABLE uploads ADD COLUMN writer_until_ms BIGINT;

-- Work that one node does at a time: whoever holds a lease has it until then, unless it is renewed.
CREATE TABLE leases (
    name VARCHAR(64) COLLATE "C" NOT NULL PRIMARY KEY,
    holder VARCHAR(36) COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL
);
