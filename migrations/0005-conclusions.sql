-- What was concluded and done.

CREATE TABLE incidents (                 -- pins its evidence against pruning
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  from_at_us INTEGER, to_at_us INTEGER,
  note TEXT
) STRICT;

CREATE TABLE findings (                  -- kept by capture or explain --save
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  incident_id INTEGER REFERENCES incidents,
  flow_id INTEGER REFERENCES flows,
  outcome TEXT NOT NULL,
  class TEXT NOT NULL,
  cause TEXT,
  confidence TEXT NOT NULL CHECK (confidence IN ('certain', 'likely', 'possible')),
  made_at_us INTEGER NOT NULL,
  data TEXT NOT NULL CHECK (json_valid(data))
) STRICT;

CREATE TABLE finding_evidence (
  finding_id INTEGER NOT NULL REFERENCES findings ON DELETE CASCADE,
  n INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  row_id INTEGER NOT NULL,
  step INTEGER,
  PRIMARY KEY (finding_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (                   -- a copy for reading; the journal is a file of the host, wherever --db points
  id TEXT PRIMARY KEY,
  host_id INTEGER REFERENCES hosts,
  state TEXT NOT NULL,
  intended_at_us INTEGER NOT NULL,
  finished_at_us INTEGER,
  kind TEXT NOT NULL,
  data TEXT NOT NULL CHECK (json_valid(data))
) STRICT;
