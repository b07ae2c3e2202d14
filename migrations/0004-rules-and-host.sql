-- Rules, sockets and other facts of the host.

CREATE TABLE rulesets (                  -- one text, however often it was seen
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  form TEXT NOT NULL,                    -- 'iptables-save', 'iptables -L', 'iptables -S', 'iptables commands', 'nft', 'nft-json', 'ipset'
  family TEXT NOT NULL,                  -- 'ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev', 'mixed'
  backend TEXT NOT NULL,                 -- 'legacy', 'nft', 'unknown'
  is_partial INTEGER NOT NULL DEFAULT 0, -- 1: some tables only, or a script whose start was not seen
  data TEXT NOT NULL CHECK (json_valid(data))   -- the parsed ruleset (model/ruleset.ts: Ruleset)
) STRICT;

CREATE TABLE snapshot_rulesets (
  snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
  ruleset_id INTEGER NOT NULL REFERENCES rulesets,
  source_id INTEGER REFERENCES sources,
  first_line INTEGER,
  PRIMARY KEY (snapshot_id, ruleset_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE rules (
  id INTEGER PRIMARY KEY,
  ruleset_id INTEGER NOT NULL REFERENCES rulesets,
  family TEXT NOT NULL,
  table_name TEXT NOT NULL,
  chain TEXT NOT NULL,
  number INTEGER NOT NULL,               -- from 1; the policy of a base chain is number rules + 1
  user_number INTEGER NOT NULL,          -- the same without rules of ctwhy
  handle INTEGER,
  text TEXT NOT NULL,                    -- as a person would write it: '-A OUTPUT -m state --state INVALID -j DROP', or the nft statement
  target TEXT,                           -- verdict, user chain or extension: ACCEPT, DROP, ufw-user-input, LOG, …
  comment TEXT,
  is_policy INTEGER NOT NULL DEFAULT 0,
  line INTEGER,                          -- within the ruleset's source, counted from its first line
  data TEXT NOT NULL CHECK (json_valid(data)),  -- model/ruleset.ts: Rule
  UNIQUE (ruleset_id, family, table_name, chain, number)
) STRICT;

CREATE TABLE rule_counters (
  rule_id INTEGER NOT NULL REFERENCES rules,
  snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
  packets INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (rule_id, snapshot_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sockets_seen (              -- seen in every snapshot with from_seq <= seq < to_seq
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER,
  proto INTEGER NOT NULL,
  state TEXT NOT NULL,                   -- as ss prints it: ESTAB, FIN-WAIT-1, …; netstat's words are translated
  local TEXT NOT NULL, lport INTEGER, peer TEXT, pport INTEGER,
  recv_q INTEGER, send_q INTEGER,
  timer TEXT, timer_ms INTEGER, retrans INTEGER,  -- ss: timer:(persist,1.2sec,3)
  uid INTEGER, inode INTEGER, process TEXT,
  info TEXT,                             -- JSON: unacked, notsent, rto_ms, backoff, lastsnd_ms, lastrcv_ms, … as ss -i prints
  source_id INTEGER REFERENCES sources, line INTEGER
) STRICT;
CREATE INDEX sockets_pair ON sockets_seen (peer, pport, local, lport);

CREATE TABLE host_facts (                -- seen in every snapshot with from_seq <= seq < to_seq
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER,
  kind TEXT NOT NULL,                    -- 'address', 'link', 'route', 'rule', 'neigh', 'offload', 'module', 'file', 'listener'
  data TEXT NOT NULL CHECK (json_valid(data)),
  source_id INTEGER REFERENCES sources, line INTEGER
) STRICT;

CREATE TABLE host_events (               -- ip monitor lines and the like: something changed at a moment
  id INTEGER PRIMARY KEY,
  clock_id INTEGER NOT NULL REFERENCES clocks,
  clock_us INTEGER,
  line INTEGER NOT NULL,
  kind TEXT NOT NULL,                    -- 'address-added', 'address-deleted', 'route-added', 'route-deleted', 'link-up', 'link-down', 'command'
  data TEXT NOT NULL CHECK (json_valid(data))
) STRICT;

CREATE TABLE captured_packets (          -- pcap, pcapng, tcpdump text: what was on the wire
  id INTEGER PRIMARY KEY,
  clock_id INTEGER NOT NULL REFERENCES clocks,
  clock_us INTEGER,
  line INTEGER NOT NULL,                 -- packet number in a binary capture
  tuple_id INTEGER REFERENCES tuples,
  interface TEXT,
  len INTEGER, ip_id INTEGER, ttl INTEGER,
  flags TEXT, seq INTEGER, ack INTEGER, window INTEGER, payload INTEGER,
  extra TEXT                             -- JSON: options, ICMP words, checksum verdict, NFLOG prefix
) STRICT;
CREATE INDEX captured_tuple ON captured_packets (tuple_id, clock_us);
