-- What the next snapshot of a large table is compared with, as arrays: reading the rows takes ten times as long.

CREATE TABLE open_entries (
  series_id INTEGER NOT NULL REFERENCES series,
  block INTEGER NOT NULL,
  seq INTEGER NOT NULL,                  -- the snapshot they are of; any other makes them worthless
  entries INTEGER NOT NULL,
  data BLOB NOT NULL,                    -- columns one after another, in the byte order of the machine: see src/store/open-entries.ts
  PRIMARY KEY (series_id, block)
) STRICT;
