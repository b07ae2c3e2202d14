// Which network namespaces is the evidence of, and a connection that shows one of each host: what is known to be of another is not there
// then, whatever asks. What names no namespace (lines of the kernel log, files without a word on it) stays for all of them.

import type { Db } from './open-store.js';

/** One network namespace of one host, over its boots. */
export interface StoredNamespace {
  /** Rows of `namespaces`: one a boot. */
  readonly ids: readonly number[];
  readonly hostId: number;
  /** 'blue', its inode where it has no name, 'first' for that of the host itself. */
  readonly label: string;
  readonly inode: number | null;
  readonly isFirst: boolean;
  /** The last call that read something in it, and the last that read packets beside that; 0: none. */
  readonly lastIngestId: number;
  readonly lastPacketIngestId: number;
  /** When it was last looked at; NULL: nothing tells. */
  readonly lastAtUs: number | null;
}

interface Row {
  readonly id: number;
  readonly hostId: number;
  readonly bootId: number;
  readonly inode: number | null;
  readonly name: string | null;
  readonly isInitial: number | null;
  readonly lastIngestId: number;
  readonly lastPacketIngestId: number;
  readonly lastAtUs: number | null;
}

const FIRST = 'first';

/** What was read in each namespace: sources that are of it, and those that its snapshots were read from. */
const READ_IN = `SELECT namespace_id, id AS source_id FROM main.sources WHERE namespace_id IS NOT NULL
  UNION SELECT r.namespace_id, q.source_id FROM main.series r JOIN main.snapshots n ON n.series_id = r.id
    JOIN main.snapshot_parts q ON q.snapshot_id = n.id WHERE r.namespace_id IS NOT NULL AND q.source_id IS NOT NULL`;
const HAS_PACKETS = `SELECT DISTINCT s.last_ingest_id FROM main.sources s
  WHERE EXISTS (SELECT 1 FROM main.clocks c JOIN main.passages p ON p.clock_id = c.id WHERE c.source_id = s.id)`;

/** The namespaces that something was read in, that of the newest packets first, then the one that was looked at last. */
export function readNamespaces(db: Db): readonly StoredNamespace[] {
  const rows = db
    .prepare(
      `WITH seen AS (SELECT e.namespace_id, max(s.last_ingest_id) AS last_ingest,
           max(CASE WHEN s.last_ingest_id IN (${HAS_PACKETS}) THEN s.last_ingest_id END) AS last_packets
         FROM (${READ_IN}) e JOIN main.sources s ON s.id = e.source_id GROUP BY 1),
       looked AS (SELECT r.namespace_id, max(n.taken_at_us) AS last_at FROM main.series r JOIN main.snapshots n ON n.series_id = r.id GROUP BY 1)
       SELECT x.id, b.host_id AS hostId, x.boot_id AS bootId, x.inode, x.name, x.is_initial AS isInitial,
         ifnull(seen.last_ingest, 0) AS lastIngestId, ifnull(seen.last_packets, 0) AS lastPacketIngestId, looked.last_at AS lastAtUs
       FROM main.namespaces x JOIN main.boots b ON b.id = x.boot_id LEFT JOIN seen ON seen.namespace_id = x.id
         LEFT JOIN looked ON looked.namespace_id = x.id
       WHERE seen.namespace_id IS NOT NULL OR looked.namespace_id IS NOT NULL ORDER BY x.id`,
    )
    .all() as Row[];
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.hostId} ${placeOf(row)}`;
    const group = groups.get(key) ?? [];
    // A name that was given anew within one boot is another namespace; it goes by its number then.
    const other = group.find(({ bootId, inode }) => bootId === row.bootId && inode !== row.inode);
    if (other === undefined || row.inode === null || other.inode === null) groups.set(key, [...group, row]);
    else {
      groups.set(key, [...group.filter((one) => one !== other), row]);
      groups.set(`${key} ${other.inode}`, [other]);
    }
  }
  return [...groups]
    .map(([key, group]) => namespaceOf(group, key.split(' ').length > 2))
    .sort(
      (a, b) =>
        b.lastPacketIngestId - a.lastPacketIngestId ||
        b.lastIngestId - a.lastIngestId ||
        (b.lastAtUs ?? 0) - (a.lastAtUs ?? 0),
    );
}

function placeOf({ isInitial, name, inode, id }: Row): string {
  return isInitial === 1 || name === 'init' ? FIRST : (name ?? String(inode ?? id));
}

function namespaceOf(rows: readonly Row[], isFormer: boolean): StoredNamespace {
  const last = rows.at(-1)!;
  const times = rows.flatMap(({ lastAtUs }) => lastAtUs ?? []);
  const place = placeOf(last);
  return {
    ids: rows.map(({ id }) => id),
    hostId: last.hostId,
    label: isFormer ? `${place}:${last.inode}` : place,
    inode: last.inode,
    isFirst: place === FIRST,
    lastIngestId: Math.max(...rows.map(({ lastIngestId }) => lastIngestId)),
    lastPacketIngestId: Math.max(...rows.map(({ lastPacketIngestId }) => lastPacketIngestId)),
    lastAtUs: times.length === 0 ? null : Math.max(...times),
  };
}

/** Tables whose rows name a namespace, and those that hang on a series of snapshots, which does. */
const NAMING = ['series', 'sources', 'passages', 'events', 'flows', 'coverage'];
const OF_SERIES = ['snapshots', 'ct_entry_versions', 'sockets_seen', 'host_facts', 'values_over_time'];

/**
 * From here on this connection sees the evidence of these namespaces, and what names none. Views of the connection's own stand in front of
 * the tables, so no reader can forget it; nothing is written to the store.
 * @param ids rows of `namespaces`
 */
export function showNamespaces(db: Db, ids: readonly number[]): void {
  const list = ids.join(', ');
  const isShown = `(namespace_id IS NULL OR namespace_id IN (${list}))`;
  const view = (name: string, select: string) => `CREATE TEMP VIEW ${name} AS ${select};`;
  const queryOnly = db.pragma('query_only', { simple: true });
  db.pragma('query_only = OFF');
  const views = db.prepare("SELECT name, sql FROM main.sqlite_schema WHERE type = 'view' ORDER BY rowid").all() as {
    name: string;
    sql: string;
  }[];
  db.exec(
    [
      `CREATE TEMP TABLE paths_elsewhere AS ${PATHS_ELSEWHERE.replaceAll('@ids', list)};`,
      ...NAMING.map((name) => {
        const elsewhere =
          name === 'passages'
            ? ' AND (namespace_id IS NOT NULL OR path_id NOT IN (SELECT path_id FROM temp.paths_elsewhere))'
            : '';
        return view(name, `SELECT * FROM main.${name} WHERE ${isShown}${elsewhere}`);
      }),
      ...OF_SERIES.map((name) =>
        view(name, `SELECT * FROM main.${name} WHERE series_id IN (SELECT id FROM main.series WHERE ${isShown})`),
      ),
      // Settings of the whole host are made for a namespace, too: only what is known to be another's is left out.
      view(
        'changes',
        `SELECT * FROM main.changes WHERE json_extract(data, '$.place.netnsInode') IS NULL
          OR json_extract(data, '$.place.netnsInode') NOT IN (SELECT inode FROM main.namespaces WHERE inode IS NOT NULL AND id NOT IN (${list}))
          OR json_extract(data, '$.place.netnsInode') IN (SELECT inode FROM main.namespaces WHERE inode IS NOT NULL AND id IN (${list}))`,
      ),
      // Views of the store look at its tables, whatever stands in front of them; made again here they look at these.
      ...views.map(({ sql }) => `${sql.replace(/^CREATE VIEW/i, 'CREATE TEMP VIEW')};`),
    ].join('\n'),
  );
  db.pragma(`query_only = ${String(queryOnly)}`);
}

/**
 * Ways of packets by interfaces that another namespace has and these do not: lines of the kernel log name no namespace, but there they tell.
 * Where the interfaces of these were not read, nothing does.
 */
const PATHS_ELSEWHERE = `WITH links AS (SELECT DISTINCT json_extract(f.data, '$.ifname') AS name, ifnull(r.namespace_id IN (@ids), 1) AS is_ours
    FROM main.host_facts f JOIN main.series r ON r.id = f.series_id WHERE f.kind IN ('link', 'address')),
  foreign_links AS (SELECT name FROM links WHERE name IS NOT NULL AND EXISTS (SELECT 1 FROM links WHERE is_ours = 1)
    GROUP BY name HAVING max(is_ours) = 0)
  SELECT DISTINCT x.path_id FROM main.path_steps x JOIN main.heads h ON h.id = x.head_id
  WHERE h.in_if IN (SELECT name FROM foreign_links) OR h.out_if IN (SELECT name FROM foreign_links)`;
