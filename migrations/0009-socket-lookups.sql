-- A socket whose tuple no list showed: the tracker was asked for that very tuple, between two readings of the sockets.

CREATE TABLE socket_lookups (
  snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
  socket_id INTEGER NOT NULL REFERENCES sockets_seen,
  at_us INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('no-entry', 'entry', 'socket-gone', 'failed')),
  why TEXT,
  PRIMARY KEY (snapshot_id, socket_id)
) STRICT, WITHOUT ROWID;
