-- Where and when: hosts, boots, namespaces, what was read, and how each source's clock maps to the epoch.
-- Conventions for all migrations: STRICT tables, plural names, NULL means not known.
-- clock_us   = microseconds on the source's own clock (uptime, wall or epoch; see clocks)
-- *_at_us    = microseconds since the epoch

CREATE TABLE hosts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  is_assumed INTEGER NOT NULL DEFAULT 0  -- 1: no file named it; one such host per ingest call, so that strangers' files are never joined
) STRICT;

CREATE TABLE boots (
  id INTEGER PRIMARY KEY,
  host_id INTEGER NOT NULL REFERENCES hosts,
  boot_uuid TEXT,                        -- /proc/sys/kernel/random/boot_id without dashes; NULL: a boot inferred from uptime falling back
  kernel_release TEXT,                   -- uname -r
  began_at_us INTEGER,                   -- uptime 0 on the epoch axis, where it could be worked out
  began_error_us INTEGER,
  UNIQUE (host_id, boot_uuid)
) STRICT;

CREATE TABLE namespaces (
  id INTEGER PRIMARY KEY,
  boot_id INTEGER NOT NULL REFERENCES boots,
  inode INTEGER,                         -- of the namespace file, as "table full in netns N" prints it
  name TEXT,
  is_initial INTEGER,
  UNIQUE (boot_id, inode, name)
) STRICT;

CREATE TABLE ingests (
  id INTEGER PRIMARY KEY,
  began_at_us INTEGER NOT NULL,
  ended_at_us INTEGER,                   -- NULL: still running, or killed
  kind TEXT NOT NULL,                    -- 'ingest', 'capture', 'snapshot', 'follow'
  arguments TEXT NOT NULL CHECK (json_valid(arguments))
) STRICT;

CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  host_id INTEGER NOT NULL REFERENCES hosts,
  ingest_id INTEGER NOT NULL REFERENCES ingests,   -- the first call that brought it
  last_ingest_id INTEGER NOT NULL REFERENCES ingests,
  kind TEXT NOT NULL,                    -- 'file', 'kmsg', 'journal', 'command'
  name TEXT NOT NULL,                    -- path as given (inside an archive: archive!member), or the command
  added_at_us INTEGER NOT NULL,
  read_at_us INTEGER,                    -- when the content was taken on the host (manifest, live reading); NULL for a file of unknown age
  read_error_us INTEGER,
  namespace_id INTEGER REFERENCES namespaces,      -- of the whole source, where it is known
  head_bytes INTEGER NOT NULL,           -- how much of the beginning the hash covers (up to 4 KiB after decompression)
  head_hash BLOB NOT NULL,               -- the same log under another name, grown, rotated or gzipped
  done_bytes INTEGER NOT NULL DEFAULT 0, -- resume point, moved in the transaction that holds the rows
  done_lines INTEGER NOT NULL DEFAULT 0,
  tail_hash BLOB,                        -- hash of the last bytes before done_bytes: a rewritten file is another source
  open_state TEXT,                       -- JSON: packets still waiting for lines when the source ended
  UNIQUE (host_id, kind, head_hash, head_bytes)
) STRICT;
CREATE INDEX sources_ingest ON sources (last_ingest_id);

CREATE TABLE source_forms (              -- what was recognised in a source: one row per form found in it
  source_id INTEGER NOT NULL REFERENCES sources,
  form TEXT NOT NULL,
  records INTEGER NOT NULL DEFAULT 0,
  unread INTEGER NOT NULL DEFAULT 0,
  first_line INTEGER NOT NULL,
  PRIMARY KEY (source_id, form)
) STRICT, WITHOUT ROWID;

CREATE TABLE clocks (                    -- a stretch of one source with one even clock; re-aligning rewrites these rows, never the packets
  id INTEGER PRIMARY KEY,
  source_id INTEGER NOT NULL REFERENCES sources,
  boot_id INTEGER REFERENCES boots,
  kind TEXT NOT NULL CHECK (kind IN ('uptime', 'wall', 'epoch', 'none')),
  from_line INTEGER NOT NULL,
  offset_us INTEGER,                     -- epoch = clock_us + offset_us ± error_us; NULL: not placed
  error_us INTEGER,
  method TEXT NOT NULL                   -- 'epoch', 'boot-time', 'clock-samples', 'shared-records', 'assumed-year', 'assumed-zone', 'unplaced'
) STRICT;
CREATE INDEX clocks_source ON clocks (source_id, from_line);

CREATE TABLE clock_samples (             -- the same instant on two clocks
  boot_id INTEGER NOT NULL REFERENCES boots,
  uptime_us INTEGER NOT NULL,
  epoch_us INTEGER NOT NULL,
  error_us INTEGER NOT NULL,
  how TEXT NOT NULL,
  PRIMARY KEY (boot_id, uptime_us, how)
) STRICT, WITHOUT ROWID;

CREATE TABLE raw_blocks (                -- bytes as they came, Brotli quality 1; (source, line) gives any text back
  source_id INTEGER NOT NULL REFERENCES sources,
  first_line INTEGER NOT NULL,           -- lines are numbered from 1
  lines INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (source_id, first_line)
) STRICT;

CREATE TABLE unread_lines (
  source_id INTEGER NOT NULL REFERENCES sources,
  line INTEGER NOT NULL,
  form TEXT,                             -- the form it was thought to belong to; NULL: none recognised
  reason TEXT NOT NULL,
  at_column INTEGER,
  PRIMARY KEY (source_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE coverage (                  -- when each source could show what; absence may be argued inside 'complete' only
  id INTEGER PRIMARY KEY,
  host_id INTEGER NOT NULL REFERENCES hosts,
  source_id INTEGER REFERENCES sources,
  boot_id INTEGER REFERENCES boots,
  namespace_id INTEGER REFERENCES namespaces,
  what TEXT NOT NULL,                    -- 'log', 'log-invalid:tcp', 'trace', 'events', 'list:main', 'list:unconfirmed', 'sockets', 'rules:ip', 'counters'
  from_at_us INTEGER,
  to_at_us INTEGER,
  state TEXT NOT NULL CHECK (state IN ('complete', 'limited', 'lost', 'cannot-show', 'off')),
  lost INTEGER,                          -- records known to be missing
  why TEXT
) STRICT;
CREATE INDEX coverage_what ON coverage (host_id, what);
