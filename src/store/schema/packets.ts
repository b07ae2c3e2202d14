// Packets, their journeys, kernel messages and flows; in words.

import {
  BOOT_ID,
  CLOCK_ID,
  CLOCK_US,
  type ColumnWords,
  LINE,
  NAMESPACE_ID,
  named,
  PROTO,
  SEEN_AT,
  SEEN_ERROR,
  SOURCE_ID,
  type TableWords,
} from './table-words.js';

const JOURNEY_ID: ColumnWords = ['journey_id', 'INTEGER', 'journeys.id: the packet; with step the key of the line'];
const STEP: ColumnWords = ['step', 'INTEGER', "position among the packet's lines, from 0"];
const KIND: ColumnWords = [
  'kind',
  'TEXT',
  "what printed the line: 'log' (LOG rule), 'log-invalid', 'helper', 'trace', 'nft-trace', 'xtables-trace', 'nflog', 'audit', 'capture'",
];
const FAMILY: ColumnWords = [
  'family',
  'TEXT',
  "'ip', 'ip6', 'arp', 'bridge', 'inet', 'netdev'; NULL: the line does not tell",
];
const TABLE_NAME: ColumnWords = [
  'table_name',
  'TEXT',
  'table a trace line names: raw, mangle, nat, filter …; NULL: no trace line',
];
const CHAIN: ColumnWords = ['chain', 'TEXT', 'chain a trace line names; NULL: no trace line'];
const RULE_KIND: ColumnWords = [
  'rule_kind',
  'TEXT',
  "'rule', 'return' (end of a user chain), 'policy', 'packet', 'conntrack', 'verdict'; NULL: no trace line",
];
const RULE_NO: ColumnWords = [
  'rule_no',
  'INTEGER',
  'legacy TRACE: number of the rule from 1, the policy is number of rules + 1; NULL: not told',
];
const HANDLE: ColumnWords = [
  'handle',
  'INTEGER',
  'handle of the nft rule that an nft or xtables trace names; NULL: not told',
];
const VERDICT: ColumnWords = [
  'verdict',
  'TEXT',
  'verdict that the trace printed: accept, drop, jump x …; NULL: not told',
];
const PREFIX: ColumnWords = ['prefix', 'TEXT', 'prefix of the LOG rule as printed; NULL: none, or no LOG line'];
const REASON_ID: ColumnWords = [
  'reason_id',
  'TEXT',
  'reason the message stands for (tcp-invalid-new …); NULL: none, or not in the catalogue',
];
const MESSAGE: ColumnWords = [
  'message',
  'TEXT',
  "the kernel's message with numbers replaced by %u; NULL: the line has none",
];
const IN_IF: ColumnWords = ['in_if', 'TEXT', 'interface it came in by (IN=); NULL: made on this host, or not told'];
const OUT_IF: ColumnWords = ['out_if', 'TEXT', 'interface it leaves by (OUT=); NULL: not routed yet, or for this host'];
const PHYS_IN: ColumnWords = ['phys_in', 'TEXT', 'bridge port it came in by (PHYSIN=); NULL: no bridge'];
const PHYS_OUT: ColumnWords = ['phys_out', 'TEXT', 'bridge port it leaves by (PHYSOUT=); NULL: no bridge'];
const SRC: ColumnWords = [
  'src',
  'TEXT',
  'source address as this line showed it (after translation a later line shows another), canonical',
];
const DST: ColumnWords = ['dst', 'TEXT', 'destination address as this line showed it, canonical'];
const SPORT: ColumnWords = ['sport', 'INTEGER', 'source port; NULL: the protocol has none, or the line was cut'];
const DPORT: ColumnWords = ['dport', 'INTEGER', 'destination port; NULL: the protocol has none, or the line was cut'];
const TTL: ColumnWords = ['ttl', 'INTEGER', 'time to live or hop limit as this line showed it; NULL: not told'];
const FLAGS: ColumnWords = [
  'flags',
  'TEXT',
  "TCP flags in the order FIN SYN RST PSH ACK URG ECE CWR AE: 'FIN ACK'; '': none set; NULL: not TCP or not told",
];
const PACKET_FIELDS: readonly ColumnWords[] = [
  ['ip_id', 'INTEGER', 'IP identification (ID=); NULL: IPv6 without fragment, or not told'],
  ['len', 'INTEGER', 'length of the IP packet in bytes (LEN=); NULL: not told'],
  TTL,
];
const TCP_FIELDS: readonly ColumnWords[] = [
  ['seq', 'INTEGER', 'TCP sequence number; NULL: not printed (a LOG rule needs --log-tcp-sequence)'],
  ['ack', 'INTEGER', 'TCP acknowledgement number; NULL: not printed'],
  ['window', 'INTEGER', 'TCP window as on the wire, unscaled; NULL: not TCP or not told'],
  ['mark', 'INTEGER', 'mark of the packet (MARK=); NULL: 0 or not printed'],
];
const EXTRA: ColumnWords = [
  'extra',
  'TEXT',
  'JSON with what has no column: options, uid, gid, quoted packet, numbers of the message, distances between lines; NULL: nothing',
];
const TUPLE_EXTRA: ColumnWords = [
  'tuple_extra',
  'TEXT',
  "what else names the flow: 'type=8 code=0 id=77' (ICMP), 'srckey=0x0 dstkey=0x1' (GRE); NULL: ports do",
];

export const PACKETS: readonly TableWords[] = [
  {
    name: 'kernel_messages',
    kind: 'view',
    says: 'Lines of netfilter in the kernel log that carry no packet: table full, suppressed, lost, debug. Lines with a packet are in packets.',
    columns: [
      ['id', 'INTEGER', 'key'],
      SEEN_AT,
      SEEN_ERROR,
      [
        'kind',
        'TEXT',
        "'notice', 'debug' (dynamic debug), 'suppressed' (rate limit of the kernel) or 'lost' (messages missing)",
      ],
      REASON_ID,
      ['function', 'TEXT', 'debug lines: function that printed it, where line or catalogue tell; NULL: not told'],
      ['count', 'INTEGER', "number in 'N callbacks suppressed' or 'Missed N kernel messages'; NULL: another message"],
      ['text', 'TEXT', 'the message without its envelope'],
      BOOT_ID,
      SOURCE_ID,
      LINE,
    ],
  },
  {
    name: 'packets',
    kind: 'view',
    says: 'One row per line that shows a packet: LOG, log_invalid, TRACE, nft trace, NFLOG. Lines of one packet share journey_id.',
    columns: [
      JOURNEY_ID,
      STEP,
      SEEN_AT,
      SEEN_ERROR,
      KIND,
      PREFIX,
      REASON_ID,
      MESSAGE,
      FAMILY,
      TABLE_NAME,
      CHAIN,
      RULE_KIND,
      RULE_NO,
      HANDLE,
      VERDICT,
      IN_IF,
      OUT_IF,
      PHYS_IN,
      PHYS_OUT,
      PROTO,
      SRC,
      DST,
      SPORT,
      DPORT,
      TUPLE_EXTRA,
      ...PACKET_FIELDS,
      FLAGS,
      ...TCP_FIELDS,
      EXTRA,
      BOOT_ID,
      NAMESPACE_ID,
      SOURCE_ID,
      named('line', ['', 'INTEGER', "number of the packet's first line in its source, from 1"]),
    ],
  },
  {
    name: 'journeys',
    kind: 'view',
    says: 'One row per packet: its way through the host, from the first of its lines to the last.',
    columns: [
      ['id', 'INTEGER', 'key; packets.journey_id'],
      named('began_at_us', SEEN_AT),
      named('began_error_us', [
        '',
        'INTEGER',
        'the true time is within this many microseconds of began_at_us; NULL: not known',
      ]),
      PROTO,
      ['src', 'TEXT', 'source address as it came, before any translation, canonical'],
      ['dst', 'TEXT', 'destination address as it came, canonical'],
      SPORT,
      DPORT,
      ['flags', 'TEXT', "TCP flags: 'FIN ACK'; '': none set; NULL: not TCP or not told"],
      ['tuple_id', 'INTEGER', 'tuples.id as it came'],
      ['tuple2_id', 'INTEGER', 'tuples.id after the first translation; NULL: none was seen'],
      ['tuple3_id', 'INTEGER', 'tuples.id after the second translation; NULL: none was seen'],
      ['steps', 'INTEGER', 'number of its lines'],
      ['ended_by', 'TEXT', 'kind of its last line, as packets.kind'],
      ['ended_table', 'TEXT', 'table of its last line; NULL: no trace line'],
      ['ended_chain', 'TEXT', 'chain of its last line; NULL: no trace line'],
      ['ended_kind', 'TEXT', "'rule', 'return', 'policy' … of its last line; NULL: no trace line"],
      ['ended_rule', 'INTEGER', 'rule number of its last line; NULL: no trace line, or a handle instead'],
      ['ended_handle', 'INTEGER', 'handle of its last line; NULL: no nft trace line'],
      ['ended_verdict', 'TEXT', 'verdict that the last line printed; NULL: legacy TRACE prints none, look the rule up'],
      ['path_id', 'INTEGER', 'paths.id: shared by all packets that left the same lines'],
      BOOT_ID,
      NAMESPACE_ID,
      SOURCE_ID,
      named('line', ['', 'INTEGER', 'number of its first line in the source, from 1']),
    ],
  },
  {
    name: 'trace_steps',
    kind: 'view',
    says: 'The packets rows of traces only: which rule a packet met, in order of step.',
    columns: [
      JOURNEY_ID,
      STEP,
      SEEN_AT,
      KIND,
      FAMILY,
      TABLE_NAME,
      CHAIN,
      RULE_KIND,
      RULE_NO,
      HANDLE,
      VERDICT,
      SRC,
      DST,
      SPORT,
      DPORT,
      TTL,
    ],
  },
  {
    name: 'flows',
    kind: 'table',
    says: 'One life of a connection; a reused port is another row. Addresses: join tuples on orig_tuple_id, or ask ctwhy query flows.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['host_id', 'INTEGER', 'hosts.id'],
      NAMESPACE_ID,
      ['zone', 'INTEGER', 'conntrack zone; NULL: not told'],
      ['orig_tuple_id', 'INTEGER', 'tuples.id of the direction that began it'],
      ['reply_tuple_id', 'INTEGER', 'tuples.id of the answers as they arrive; NULL: not seen'],
      ['began_at_us', 'INTEGER', 'first that is known of it, in microseconds since the epoch; NULL: no time known'],
      ['ended_at_us', 'INTEGER', 'its DESTROY event, in microseconds since the epoch; NULL: none was seen'],
      [
        'direction_known_by',
        'TEXT',
        "what tells who began: 'event', 'entry', 'syn', or a guess from 'first-packet' or 'port'",
      ],
    ],
  },
  {
    name: 'flow_tuples',
    kind: 'table',
    says: 'Every tuple that is a flow in some place: either direction, either side of address translation.',
    columns: [
      ['tuple_id', 'INTEGER', 'tuples.id'],
      ['flow_id', 'INTEGER', 'flows.id'],
      ['direction', 'TEXT', "'orig' or 'reply'"],
    ],
  },
  {
    name: 'tuples',
    kind: 'table',
    says: 'One direction of a flow, each once, whoever showed it.',
    columns: [
      ['id', 'INTEGER', 'key'],
      PROTO,
      ['src', 'TEXT', 'source address, canonical (RFC 5952)'],
      ['dst', 'TEXT', 'destination address, canonical'],
      SPORT,
      DPORT,
      named('extra', TUPLE_EXTRA),
    ],
  },
  {
    name: 'passages',
    kind: 'table',
    says: 'One row per packet, below packets and journeys. Counting here, per path first, is several times faster than through the view.',
    columns: [
      ['id', 'INTEGER', 'key; journeys.id'],
      CLOCK_ID,
      named('clock_us', ['', 'INTEGER', "time of its first line in microseconds on the source's own clock"]),
      named('line', ['', 'INTEGER', 'number of its first line in the source, from 1']),
      ['path_id', 'INTEGER', 'paths.id: what its lines said besides numbers and addresses'],
      NAMESPACE_ID,
      ['tuple_id', 'INTEGER', 'tuples.id as it came'],
      ['tuple2_id', 'INTEGER', 'tuples.id after the first translation; NULL: none was seen'],
      ['tuple3_id', 'INTEGER', 'tuples.id after the second translation; NULL: none was seen'],
      ['mac_id', 'INTEGER', 'macs.id; NULL: none printed'],
      ...PACKET_FIELDS.slice(0, 2),
      ['ttl', 'INTEGER', 'time to live or hop limit on its first line; NULL: not told'],
      ...TCP_FIELDS,
      ['body_hash', 'INTEGER', 'recognises the same record in another source of this boot; NULL: not hashed'],
      ['step_us', 'TEXT', "'0,8,17': microseconds of each line after the first; NULL: one line"],
      EXTRA,
    ],
  },
  {
    name: 'passage_sources',
    kind: 'table',
    says: 'The same packet read from a second source (dmesg beside kern.log).',
    columns: [['passage_id', 'INTEGER', 'passages.id'], SOURCE_ID, LINE],
  },
  {
    name: 'paths',
    kind: 'table',
    says: 'Sequences of lines that packets left, each once.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['signature', 'BLOB', 'recognises the same sequence'],
      ['steps', 'INTEGER', 'number of lines'],
    ],
  },
  {
    name: 'path_steps',
    kind: 'table',
    says: 'The lines of a path.',
    columns: [
      ['path_id', 'INTEGER', 'paths.id'],
      STEP,
      ['head_id', 'INTEGER', 'heads.id: the line up to its addresses'],
      ['shape_id', 'INTEGER', 'shapes.id: the words of its dump'],
      ['slot', 'INTEGER', 'which tuple of the passage the line showed: 0 as it came, 1 and 2 after translation'],
      ['ttl_lost', 'INTEGER', 'what the line showed less of ttl than the first: 1 behind routing'],
    ],
  },
  {
    name: 'heads',
    kind: 'table',
    says: 'Lines up to their addresses, each once, without MAC and numbers: a few dozen rows in most stores.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['text', 'TEXT', 'as printed, with the varying parts taken out'],
      KIND,
      FAMILY,
      TABLE_NAME,
      CHAIN,
      RULE_KIND,
      RULE_NO,
      HANDLE,
      VERDICT,
      ['rule_text', 'TEXT', 'rule as the trace itself printed it; NULL: legacy TRACE prints none'],
      PREFIX,
      REASON_ID,
      MESSAGE,
      IN_IF,
      OUT_IF,
      PHYS_IN,
      PHYS_OUT,
    ],
  },
  {
    name: 'shapes',
    kind: 'table',
    says: 'The literal words of packet dumps, each once.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['template', 'TEXT', 'words with the values taken out'],
      ['l4', 'TEXT', "'tcp', 'udp', 'icmp', 'icmpv6' …, or a number as text; NULL: not told"],
      FLAGS,
    ],
  },
  {
    name: 'macs',
    kind: 'table',
    says: 'Link-layer headers (MAC=), each once.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['text', 'TEXT', 'bytes as printed: destination, source, protocol'],
    ],
  },
  {
    name: 'kernel_notices',
    kind: 'table',
    says: 'The rows below kernel_messages, on their own clocks.',
    columns: [
      ['id', 'INTEGER', 'key'],
      CLOCK_ID,
      CLOCK_US,
      LINE,
      ['kind', 'TEXT', "'notice', 'debug', 'suppressed' or 'lost'"],
      REASON_ID,
      ['function', 'TEXT', 'debug lines: function that printed it; NULL: not told'],
      ['count', 'INTEGER', 'number of suppressed or lost messages; NULL: another message'],
      ['text', 'TEXT', 'the message without its envelope'],
      ['extra', 'TEXT', 'JSON: numbers and names in the message; NULL: none'],
    ],
  },
];
