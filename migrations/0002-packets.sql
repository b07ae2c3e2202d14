-- Packets. A passage is one packet's way through one host; its lines differ only by the path they share with
-- thousands of other packets. Seven TRACE lines of a packet cost one row here.

CREATE TABLE heads (                     -- a line up to its addresses, with MAC and the numbers of the message taken out
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,                    -- 'log', 'log-invalid', 'helper', 'trace', 'nft-trace', 'xtables-trace', 'nflog', 'capture', 'audit'
  family TEXT,                           -- 'ip', 'ip6', 'arp', 'bridge', 'inet', 'netdev'
  table_name TEXT,
  chain TEXT,
  rule_kind TEXT,                        -- 'rule', 'return', 'policy', 'packet', 'conntrack', 'verdict'
  rule_no INTEGER,                       -- legacy TRACE: counted from 1, the policy is number rules + 1
  handle INTEGER,                        -- nft and xtables traces
  verdict TEXT,
  rule_text TEXT,                        -- as the trace itself printed it
  prefix TEXT,                           -- LOG rule's prefix as printed
  reason_id TEXT,                        -- catalogue entry of a log_invalid or helper message
  message TEXT,                          -- its text with numbers replaced by %u
  in_if TEXT, out_if TEXT, phys_in TEXT, phys_out TEXT
) STRICT;

CREATE TABLE shapes (                    -- the literal words of a dump
  id INTEGER PRIMARY KEY,
  template TEXT NOT NULL UNIQUE,
  l4 TEXT,                               -- 'tcp', 'udp', 'icmp', 'icmpv6', …, a number as text
  flags TEXT                             -- TCP: 'SYN', 'FIN ACK' … in the order FIN SYN RST PSH ACK URG ECE CWR AE; '' for a NULL packet
) STRICT;

CREATE TABLE macs (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE paths (id INTEGER PRIMARY KEY, signature BLOB NOT NULL UNIQUE, steps INTEGER NOT NULL) STRICT;
CREATE TABLE path_steps (
  path_id INTEGER NOT NULL REFERENCES paths,
  step INTEGER NOT NULL,                 -- from 0
  head_id INTEGER NOT NULL REFERENCES heads,
  shape_id INTEGER NOT NULL REFERENCES shapes,
  slot INTEGER NOT NULL,                 -- which tuple of the passage the line showed: 0 as it came, 1 and 2 after address translation
  ttl_lost INTEGER NOT NULL,             -- 1 behind routing
  PRIMARY KEY (path_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE tuples (                    -- one direction; addresses canonical (RFC 5952)
  id INTEGER PRIMARY KEY,
  proto INTEGER NOT NULL,                -- IP protocol number; -1 where a line does not tell
  src TEXT NOT NULL,
  dst TEXT NOT NULL,
  sport INTEGER,
  dport INTEGER,
  extra TEXT                             -- what else names the flow: 'type=8 code=0 id=77' (ICMP), 'srckey=0x0 dstkey=0x1' (GRE)
) STRICT;
CREATE UNIQUE INDEX tuples_key ON tuples (src, ifnull(sport, -1), dst, ifnull(dport, -1), proto, ifnull(extra, ''));  -- NULLs count as equal
CREATE INDEX tuples_dst ON tuples (dst, dport);
CREATE INDEX tuples_port ON tuples (dport, sport);

CREATE TABLE passages (
  id INTEGER PRIMARY KEY,
  clock_id INTEGER NOT NULL REFERENCES clocks,
  clock_us INTEGER NOT NULL,             -- first line, on the source's own clock
  line INTEGER NOT NULL,                 -- its number in the source
  path_id INTEGER NOT NULL REFERENCES paths,
  namespace_id INTEGER REFERENCES namespaces,   -- NULL: the kernel log does not tell
  tuple_id INTEGER NOT NULL REFERENCES tuples,
  tuple2_id INTEGER REFERENCES tuples,
  tuple3_id INTEGER REFERENCES tuples,
  mac_id INTEGER REFERENCES macs,
  ip_id INTEGER, len INTEGER, ttl INTEGER, seq INTEGER, ack INTEGER, window INTEGER, mark INTEGER,
  body_hash INTEGER,                     -- recognises the same record in another source of this boot
  step_us TEXT,                          -- '0,8,17': microseconds of each line after the first; NULL for one line
  extra TEXT                             -- JSON, only what is not above: line gaps, options in hex, uid, gid, quoted packet, numbers of the message
) STRICT;
CREATE INDEX passages_time ON passages (clock_id, clock_us);
CREATE INDEX passages_tuple ON passages (tuple_id, clock_us);
CREATE INDEX passages_tuple2 ON passages (tuple2_id, clock_us) WHERE tuple2_id IS NOT NULL;
CREATE INDEX passages_tuple3 ON passages (tuple3_id, clock_us) WHERE tuple3_id IS NOT NULL;

CREATE TABLE passage_sources (           -- the same packet read from a second source (dmesg beside kern.log)
  passage_id INTEGER NOT NULL REFERENCES passages,
  source_id INTEGER NOT NULL REFERENCES sources,
  line INTEGER NOT NULL,
  PRIMARY KEY (passage_id, source_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE kernel_notices (            -- netfilter lines without a packet dump; other kernel lines are counted, not kept
  id INTEGER PRIMARY KEY,
  clock_id INTEGER NOT NULL REFERENCES clocks,
  clock_us INTEGER,
  line INTEGER NOT NULL,
  kind TEXT NOT NULL,                    -- 'notice', 'debug', 'suppressed', 'lost'
  reason_id TEXT,
  function TEXT,                         -- debug lines: the callsite, where the line or the catalogue tells
  count INTEGER,                         -- 'N callbacks suppressed', 'Missed N kernel messages'
  text TEXT NOT NULL,
  extra TEXT                             -- JSON: numbers and names in the message
) STRICT;
CREATE INDEX kernel_notices_time ON kernel_notices (clock_id, clock_us);

CREATE TABLE flows (                     -- one life of a connection; a reused port is another
  id INTEGER PRIMARY KEY,
  host_id INTEGER NOT NULL REFERENCES hosts,
  namespace_id INTEGER REFERENCES namespaces,
  zone INTEGER,
  orig_tuple_id INTEGER NOT NULL REFERENCES tuples,
  reply_tuple_id INTEGER REFERENCES tuples,
  began_at_us INTEGER,
  ended_at_us INTEGER,
  direction_known_by TEXT NOT NULL       -- 'event', 'entry', 'syn', 'first-packet', 'port'
) STRICT;
CREATE INDEX flows_orig ON flows (orig_tuple_id);
CREATE TABLE flow_tuples (
  tuple_id INTEGER NOT NULL REFERENCES tuples,
  flow_id INTEGER NOT NULL REFERENCES flows,
  direction TEXT NOT NULL CHECK (direction IN ('orig', 'reply')),
  PRIMARY KEY (tuple_id, flow_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_tuples_flow ON flow_tuples (flow_id);
