-- Which layer is inside a blob, as the server saw when it compressed or unpacked it. It spares work and may be empty:
-- what the older table knew did not tell how a blob is compressed, and is learnt anew.
DROP TABLE layers;

CREATE TABLE layers (
    digest VARCHAR(136) NOT NULL PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
    diff_id VARCHAR(136) NOT NULL,
    media_type VARCHAR(255) NOT NULL
);

CREATE INDEX layers_by_diff_id ON layers (diff_id);
