// Where and when: hosts, boots, namespaces, sources, clocks, coverage; in words.

import { BOOT_ID, type ColumnWords, LINE, NAMESPACE_ID, named, SOURCE_ID, type TableWords } from './table-words.js';

const HOST_ID: ColumnWords = ['host_id', 'INTEGER', 'hosts.id'];
const WHAT: ColumnWords = [
  'what',
  'TEXT',
  "what it could show: 'log', 'log-invalid:tcp', 'trace', 'events', 'list:main', 'list:unconfirmed', 'sockets', 'rules:ip', …",
];
const FROM_AT: ColumnWords = [
  'from_at_us',
  'INTEGER',
  'from when on, in microseconds since the epoch; NULL: not known',
];
const TO_AT: ColumnWords = ['to_at_us', 'INTEGER', 'up to when, in microseconds since the epoch; NULL: not known'];
const LOST: ColumnWords = ['lost', 'INTEGER', 'records known to be missing; NULL: none, or not counted'];
const WHY: ColumnWords = ['why', 'TEXT', 'in words; NULL: nothing to say'];

export const PLACES: readonly TableWords[] = [
  {
    name: 'hosts',
    kind: 'table',
    says: 'Hosts the evidence is from. Hosts are never joined across ingest calls unless a file names them.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['name', 'TEXT', 'host name from the log, the manifest or --host; unnamed-N where nothing tells'],
      ['is_assumed', 'INTEGER', '1: no file named it, one such host per ingest call; 0: named'],
    ],
  },
  {
    name: 'boots',
    kind: 'table',
    says: 'Runs of a host from one start of its kernel to the next.',
    columns: [
      ['id', 'INTEGER', 'key'],
      HOST_ID,
      [
        'boot_uuid',
        'TEXT',
        '/proc/sys/kernel/random/boot_id without dashes; NULL: inferred, e.g. from uptime falling back',
      ],
      ['kernel_release', 'TEXT', 'as uname -r says; NULL: no source tells'],
      ['began_at_us', 'INTEGER', 'uptime 0 in microseconds since the epoch; NULL: could not be worked out'],
      ['began_error_us', 'INTEGER', 'began_at_us is right within this many microseconds; NULL: not known'],
      ['is_release_guessed', 'INTEGER', '1: kernel_release is only mentioned in prose, or is that of a later boot'],
    ],
  },
  {
    name: 'namespaces',
    kind: 'table',
    says: 'Network namespaces that a source named.',
    columns: [
      ['id', 'INTEGER', 'key'],
      named('boot_id', ['', 'INTEGER', 'boots.id: an inode means something within one boot only']),
      [
        'inode',
        'INTEGER',
        "of the namespace file, as the kernel's 'table full in netns N' prints it; NULL: known by name only",
      ],
      ['name', 'TEXT', 'as ip netns lists it, or as the manifest calls it; NULL: known by inode only'],
      ['is_initial', 'INTEGER', '1: the one the host started with; 0: another; NULL: not known'],
    ],
  },
  {
    name: 'sources',
    kind: 'table',
    says: 'Files, programs and kernel interfaces that were read, each once, however often it was given.',
    columns: [
      ['id', 'INTEGER', 'key'],
      HOST_ID,
      ['ingest_id', 'INTEGER', 'ingests.id: the call that first brought it'],
      ['last_ingest_id', 'INTEGER', 'ingests.id: the last call that read of it'],
      ['kind', 'TEXT', "'file', 'kmsg', 'journal', 'events' or 'command'"],
      ['name', 'TEXT', 'path as given (archive!member inside an archive), or the command'],
      ['added_at_us', 'INTEGER', 'when it was first read into this store, in microseconds since the epoch'],
      [
        'read_at_us',
        'INTEGER',
        'when its content was taken on the host, in microseconds since the epoch; NULL: a file of unknown age',
      ],
      ['read_error_us', 'INTEGER', 'read_at_us is right within this many microseconds; NULL: not known'],
      named('namespace_id', ['', 'INTEGER', 'namespaces.id of the whole source; NULL: not told']),
      ['head_bytes', 'INTEGER', 'how many bytes of the beginning head_hash covers (up to 4096, after decompression)'],
      ['head_hash', 'BLOB', 'recognises the same log under another name, grown, rotated or compressed'],
      ['done_bytes', 'INTEGER', 'bytes read so far, after decompression: the next ingest goes on from here'],
      ['done_lines', 'INTEGER', 'lines read so far'],
      [
        'tail_hash',
        'BLOB',
        'hash of the last bytes before done_bytes; a file that was rewritten is another source; NULL: nothing read yet',
      ],
      ['open_state', 'TEXT', 'JSON: packets that still waited for lines when the source ended; NULL: none'],
      ['command', 'TEXT', 'what printed it, where a manifest or the prompt above the text tells; NULL: nothing tells'],
      [
        'part_of',
        'INTEGER',
        'sources.id of the file that holds the lines of several hosts: this row is one of them, text and counts are that one’s; NULL: a file of its own',
      ],
    ],
  },
  {
    name: 'coverage',
    kind: 'table',
    says: "When each source could show what. That something is absent may be argued within 'complete' only.",
    columns: [
      ['id', 'INTEGER', 'key'],
      HOST_ID,
      named('source_id', ['', 'INTEGER', 'sources.id; NULL: stated by a manifest for the host']),
      BOOT_ID,
      NAMESPACE_ID,
      WHAT,
      FROM_AT,
      TO_AT,
      [
        'state',
        'TEXT',
        "'complete', 'limited' (rate limit, filter, excerpt), 'lost', 'cannot-show' (this kernel or list cannot) or 'off'",
      ],
      LOST,
      WHY,
    ],
  },
  {
    name: 'gaps',
    kind: 'view',
    says: "The rest of coverage: every stretch that is not 'complete', where silence proves nothing.",
    columns: [
      ['id', 'INTEGER', 'coverage.id'],
      ['source', 'TEXT', 'sources.name; NULL: stated by a manifest for the host'],
      WHAT,
      FROM_AT,
      TO_AT,
      LOST,
      ['state', 'TEXT', "'limited', 'lost', 'cannot-show' or 'off'"],
      WHY,
    ],
  },
  {
    name: 'unread_lines',
    kind: 'table',
    says: 'Lines that belong to a known form, or look like evidence, and could not be read. Their text is kept: ctwhy query unread.',
    columns: [
      SOURCE_ID,
      LINE,
      ['form', 'TEXT', 'form it was thought to belong to (ctwhy help formats); NULL: none recognised'],
      ['reason', 'TEXT', 'why it could not be read'],
      ['at_column', 'INTEGER', 'character at which reading failed, from 0; NULL: the line as a whole'],
    ],
  },
  {
    name: 'ingests',
    kind: 'table',
    says: 'Calls that wrote into this store.',
    columns: [
      ['id', 'INTEGER', 'key'],
      ['began_at_us', 'INTEGER', 'in microseconds since the epoch'],
      ['ended_at_us', 'INTEGER', 'in microseconds since the epoch; NULL: still running, or killed'],
      ['kind', 'TEXT', "'ingest', 'capture', 'snapshot' or 'follow'"],
      ['arguments', 'TEXT', 'JSON: the words it was called with'],
    ],
  },
  {
    name: 'source_forms',
    kind: 'table',
    says: 'What was recognised in a source, one row per form found in it.',
    columns: [
      SOURCE_ID,
      ['form', 'TEXT', 'id of the form (ctwhy help formats)'],
      ['records', 'INTEGER', 'records read'],
      ['unread', 'INTEGER', 'lines of it that could not be read'],
      ['first_line', 'INTEGER', 'line of its first appearance, from 1'],
    ],
  },
  {
    name: 'clocks',
    kind: 'table',
    says: 'A stretch of one source with one even clock. Epoch time is clock_us + offset_us, right within error_us.',
    columns: [
      ['id', 'INTEGER', 'key'],
      SOURCE_ID,
      BOOT_ID,
      ['kind', 'TEXT', "'uptime' (seconds since boot), 'wall' (local time without a zone), 'epoch' or 'none'"],
      ['from_line', 'INTEGER', 'first line of the stretch, from 1'],
      ['offset_us', 'INTEGER', 'microseconds to add to clock_us; NULL: not placed, its rows have no epoch time'],
      ['error_us', 'INTEGER', 'microseconds the result may be off, either way; NULL: not known'],
      [
        'method',
        'TEXT',
        "how it was placed: 'epoch', 'boot-time', 'clock-samples', 'shared-records', 'assumed-year', 'assumed-zone' or 'unplaced'",
      ],
      ['packet_lines', 'INTEGER', 'lines of the stretch that showed a packet'],
    ],
  },
  {
    name: 'clock_samples',
    kind: 'table',
    says: 'The same instant read on two clocks, which ties uptime to the epoch.',
    columns: [
      ['boot_id', 'INTEGER', 'boots.id'],
      ['uptime_us', 'INTEGER', 'microseconds since boot'],
      ['epoch_us', 'INTEGER', 'microseconds since the epoch'],
      ['error_us', 'INTEGER', 'microseconds the pair may be off'],
      ['how', 'TEXT', 'where the sample is from'],
    ],
  },
  {
    name: 'raw_blocks',
    kind: 'table',
    says: 'The bytes of sources as they came, compressed in blocks of whole lines: any line can be given back.',
    columns: [
      SOURCE_ID,
      ['first_line', 'INTEGER', 'line the block begins with, from 1'],
      ['lines', 'INTEGER', 'lines in the block'],
      ['bytes', 'INTEGER', 'bytes before compression'],
      ['data', 'BLOB', 'Brotli'],
    ],
  },
];
