-- What the tracker knew: versions of entries with a first and a last snapshot (what did not change writes nothing),
-- events, expectations, statistics.

CREATE TABLE series (                    -- snapshots of one namespace in order of time; an older file opens a series of its own
  id INTEGER PRIMARY KEY,
  host_id INTEGER NOT NULL REFERENCES hosts,
  boot_id INTEGER REFERENCES boots,
  namespace_id INTEGER REFERENCES namespaces,
  made_by TEXT NOT NULL                  -- 'ingest', 'snapshot', 'capture'
) STRICT;

CREATE TABLE snapshots (
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series,
  seq INTEGER NOT NULL,                  -- position in the series, from 1
  taken_at_us INTEGER,                   -- middle of the reading; NULL: no file tells
  took_us INTEGER,
  error_us INTEGER,
  name TEXT,                             -- 'before', 'after', …
  entry_count INTEGER,                   -- nf_conntrack_count at the time
  entry_max INTEGER,
  UNIQUE (series_id, seq)
) STRICT;

CREATE TABLE snapshot_parts (            -- every part keeps its own time of reading, and whether it could be read at all
  snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
  part TEXT NOT NULL,                    -- 'list:main', 'list:unconfirmed', 'list:dying', 'expectations', 'count', 'stats', 'sysctl', 'sockets', 'rules:ip:nft', 'addresses', 'routes', …
  state TEXT NOT NULL CHECK (state IN ('read', 'failed', 'cannot-show')),
  at_us INTEGER,
  took_us INTEGER,
  source_id INTEGER REFERENCES sources,
  first_line INTEGER,
  why TEXT,
  PRIMARY KEY (snapshot_id, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE ct_entry_versions (         -- seen in every snapshot with from_seq <= seq < to_seq
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series,
  list TEXT NOT NULL,                    -- 'main', 'unconfirmed', 'dying'
  from_seq INTEGER NOT NULL,
  to_seq INTEGER,
  key_hash INTEGER NOT NULL,             -- 53 bits of list, original tuple and zones: finds the entry of a line
  content_hash INTEGER NOT NULL,         -- 53 bits of all that a version is made of: equal means nothing to write
  tuple_id INTEGER NOT NULL REFERENCES tuples,
  reply_tuple_id INTEGER REFERENCES tuples,  -- NULL: the line was cut before it
  zone INTEGER NOT NULL DEFAULT 0,
  zone_orig INTEGER, zone_reply INTEGER,
  ct_id INTEGER,
  state TEXT,                            -- as printed: SYN_SENT, ESTABLISHED, …; NULL for protocols without one
  status TEXT,                           -- words as printed, space separated: 'UNREPLIED', 'ASSURED', 'OFFLOAD', 'HW_OFFLOAD'
  mark INTEGER, helper TEXT, labels TEXT, secctx TEXT,
  started_at_us INTEGER,                 -- exact from XML; a second either way from delta-time
  expires_at_us INTEGER,                 -- reading + seconds left; equal within a second = not refreshed
  timeout_s INTEGER,                     -- seconds left as printed at the first sighting
  source_id INTEGER REFERENCES sources, line INTEGER  -- where it was first read
) STRICT;
CREATE INDEX ct_open ON ct_entry_versions (series_id, from_seq) WHERE to_seq IS NULL;
CREATE INDEX ct_closed ON ct_entry_versions (series_id, to_seq) WHERE to_seq IS NOT NULL;
CREATE INDEX ct_tuple ON ct_entry_versions (tuple_id);
CREATE INDEX ct_reply ON ct_entry_versions (reply_tuple_id);

CREATE TABLE ct_entry_moves (            -- an entry refreshed or counted on, state unchanged
  version_id INTEGER NOT NULL REFERENCES ct_entry_versions ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  expires_at_us INTEGER, timeout_s INTEGER,
  packets INTEGER, bytes INTEGER, reply_packets INTEGER, reply_bytes INTEGER,
  PRIMARY KEY (version_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE expectation_rows (
  id INTEGER PRIMARY KEY,
  snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
  tuple_id INTEGER NOT NULL REFERENCES tuples,
  mask_src TEXT, mask_dst TEXT, mask_sport INTEGER, mask_dport INTEGER,
  master_tuple_id INTEGER REFERENCES tuples,
  timeout_s INTEGER, zone INTEGER, class INTEGER, flags TEXT, helper TEXT,
  source_id INTEGER REFERENCES sources, line INTEGER
) STRICT;

CREATE TABLE values_over_time (          -- sysctls, per-CPU statistics, nstat counters: a row when changed
  series_id INTEGER NOT NULL REFERENCES series,
  what TEXT NOT NULL,                    -- 'sysctl', 'ct-stat', 'nstat'
  name TEXT NOT NULL,
  cpu INTEGER NOT NULL DEFAULT -1,       -- -1: not per CPU
  seq INTEGER NOT NULL,
  value ANY,
  source_id INTEGER REFERENCES sources, line INTEGER,
  PRIMARY KEY (series_id, what, name, cpu, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  clock_id INTEGER NOT NULL REFERENCES clocks,
  clock_us INTEGER,
  line INTEGER NOT NULL,
  kind TEXT NOT NULL,                    -- 'NEW', 'UPDATE', 'DESTROY', 'EXP_NEW', 'EXP_DESTROY'
  tuple_id INTEGER NOT NULL REFERENCES tuples,
  reply_tuple_id INTEGER REFERENCES tuples,
  namespace_id INTEGER REFERENCES namespaces,
  zone INTEGER, ct_id INTEGER, state TEXT, status TEXT, timeout_s INTEGER, mark INTEGER,
  port_id INTEGER,                       -- netlink port that asked for it ('[USERSPACE] portid=N'); 0 or NULL: the kernel itself or not told
  is_user_space INTEGER,                 -- 1: the line says a program did it; 0: the line could have said so and did not; NULL: not told
  packets INTEGER, bytes INTEGER, reply_packets INTEGER, reply_bytes INTEGER,
  started_at_us INTEGER, stopped_at_us INTEGER,
  extra TEXT
) STRICT;
CREATE INDEX events_tuple ON events (tuple_id, clock_us);
CREATE INDEX events_reply ON events (reply_tuple_id, clock_us);
CREATE INDEX events_time ON events (clock_id, clock_us);
