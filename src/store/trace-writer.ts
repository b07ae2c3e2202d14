// Writes packets that nft or xtables traced: one passage per trace id, its steps in the order in which the kernel told them.

import type { Packet } from '../model/packet.js';
import { packetTuple } from '../model/packet-tuple.js';
import type { TraceStep } from '../model/trace.js';
import { protocolName } from '../text/protocols.js';
import type { Db } from './open-store.js';
import { packetLineCounter } from './packet-writer.js';
import type { Tuples } from './tuples.js';

export interface TraceWriter {
  step(step: TraceStep, line: number, clockId: number, clockUs: number | null): void;
  flush(): void;
}

interface Step {
  readonly headId: number;
  readonly shapeId: number;
  readonly slot: number;
  readonly ttlLost: number;
  readonly line: number;
}

interface Passage {
  readonly clockId: number;
  readonly clockUs: number;
  readonly line: number;
  readonly tuples: number[];
  readonly steps: Step[];
  readonly packets: Set<string>;
  first: Packet | null;
  slot: number;
  shapeId: number;
  ttlLost: number;
  mark: number | null;
}

/** A trace id is a hash of an address in memory and comes again; so many packets are kept open, the oldest ends first. */
const MOST_OPEN = 4096;
const KINDS: Readonly<Record<TraceStep['tool'], string>> = {
  nft: 'nft-trace',
  xtables: 'xtables-trace',
  legacy: 'trace',
};

export function openTraceWriter(db: Db, tuples: Tuples, namespaceId: number | null): TraceWriter {
  const open = new Map<string, Passage>();
  const findHead = db.prepare('SELECT id FROM heads WHERE text = ?').pluck();
  const addHead = db.prepare(
    `INSERT INTO heads (text, kind, family, table_name, chain, rule_kind, rule_no, handle, verdict, rule_text, in_if, out_if)
    VALUES (@text, @kind, @family, @table, @chain, @ruleKind, @ruleNumber, @handle, @verdict, @ruleText, @inIf, @outIf)`,
  );
  const findShape = db.prepare('SELECT id FROM shapes WHERE template = ?').pluck();
  const addShape = db.prepare('INSERT INTO shapes (template, l4, flags) VALUES (?, ?, ?)');
  const findPath = db.prepare('SELECT id FROM paths WHERE signature = ?').pluck();
  const addPath = db.prepare('INSERT INTO paths (signature, steps) VALUES (?, ?)');
  const addStep = db.prepare(
    'INSERT INTO path_steps (path_id, step, head_id, shape_id, slot, ttl_lost) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const addPassage = db.prepare(
    `INSERT INTO passages (clock_id, clock_us, line, path_id, namespace_id, tuple_id, tuple2_id, tuple3_id, ip_id, len, ttl, seq, ack, window, mark, extra)
    VALUES (@clockId, @clockUs, @line, @pathId, @namespaceId, @tuple, @tuple2, @tuple3, @ipId, @len, @ttl, @seq, @ack, @window, @mark, @extra)`,
  );

  const addLines = packetLineCounter(db);

  const headId = (step: TraceStep): number => {
    const kind = KINDS[step.tool];
    const conntrack =
      step.ruleKind === 'conntrack'
        ? `ct direction ${step.ctDirection ?? '?'} state ${step.ctState ?? '?'}${step.ctStatus === null ? '' : ` status ${step.ctStatus}`}`
        : null;
    const row = {
      kind,
      family: step.family,
      table: step.table,
      chain: step.chain,
      ruleKind: step.ruleKind,
      ruleNumber: step.ruleNumber,
      handle: step.handle,
      verdict: step.verdict,
      ruleText: step.ruleText ?? conntrack,
      inIf: step.packet?.inIf ?? null,
      outIf: step.packet?.outIf ?? null,
    };
    const text = `${kind} ${JSON.stringify(Object.values(row))}`;
    return (findHead.get(text) as number | undefined) ?? Number(addHead.run({ ...row, text }).lastInsertRowid);
  };
  const shapeId = (packet: Packet | null): number => {
    const l4 = packet?.proto === null || packet === null ? null : protocolName(packet.proto);
    const template = `trace ${l4 ?? '?'} ${packet?.flags ?? ''}`;
    return (
      (findShape.get(template) as number | undefined) ??
      Number(addShape.run(template, l4, packet?.flags ?? null).lastInsertRowid)
    );
  };
  const pathId = (steps: readonly Step[]): number => {
    const signature = Buffer.from(
      `trace ${steps.map((step) => `${step.headId},${step.shapeId},${step.slot},${step.ttlLost}`).join(';')}`,
    );
    const known = findPath.get(signature) as number | undefined;
    if (known !== undefined) return known;
    const id = Number(addPath.run(signature, steps.length).lastInsertRowid);
    steps.forEach((step, index) => {
      addStep.run(id, index, step.headId, step.shapeId, step.slot, step.ttlLost);
    });
    return id;
  };

  const end = (passage: Passage): void => {
    const { first, steps } = passage;
    const [tuple, tuple2, tuple3] = passage.tuples;
    // A trace that was cut before it showed the packet's addresses cannot be told whose it was.
    if (tuple === undefined || steps.length === 0) return;
    const lines = steps.map((step) => step.line - passage.line);
    const extra = {
      ...(lines.some((offset, index) => offset !== index) ? { lines } : {}),
      ...(first?.incompleteBytes == null ? {} : { incomplete: first.incompleteBytes }),
    };
    addLines.run(steps.length, passage.clockId);
    addPassage.run({
      clockId: passage.clockId,
      clockUs: passage.clockUs,
      line: passage.line,
      pathId: pathId(steps),
      namespaceId,
      tuple,
      tuple2: tuple2 ?? null,
      tuple3: tuple3 ?? null,
      ipId: first?.ipId ?? null,
      len: first?.lenBytes ?? null,
      ttl: first?.ttl ?? null,
      seq: first?.seq ?? null,
      ack: first?.ack ?? null,
      window: first?.window ?? null,
      mark: passage.mark,
      extra: Object.keys(extra).length === 0 ? null : JSON.stringify(extra),
    });
  };

  const show = (passage: Passage, packet: Packet): void => {
    const tuple = packetTuple(packet);
    if (tuple === null) return;
    passage.first ??= packet;
    passage.shapeId = shapeId(packet);
    passage.ttlLost =
      passage.first.ttl !== null && packet.ttl !== null ? Math.max(0, passage.first.ttl - packet.ttl) : passage.ttlLost;
    const id = tuples.id(tuple);
    const known = passage.tuples.indexOf(id);
    if (known >= 0) passage.slot = known;
    else if (passage.tuples.length < 3) passage.slot = passage.tuples.push(id) - 1;
  };

  return {
    step(step, line, clockId, clockUs) {
      const key = `${step.tool} ${step.family} ${step.traceId}`;
      let passage = open.get(key);
      const place = `${step.table} ${step.chain}`;
      // The id came again for another packet: it is in a chain's first step once more.
      if (passage !== undefined && step.ruleKind === 'packet' && passage.packets.has(place)) {
        end(passage);
        open.delete(key);
        passage = undefined;
      }
      if (passage === undefined) {
        // Without a clock the order of lines is the only order there is.
        passage = {
          clockId,
          clockUs: clockUs ?? line,
          line,
          tuples: [],
          steps: [],
          packets: new Set(),
          first: null,
          slot: 0,
          shapeId: shapeId(null),
          ttlLost: 0,
          mark: null,
        };
        open.set(key, passage);
        if (open.size > MOST_OPEN) {
          const [oldestKey, oldest] = open.entries().next().value!;
          end(oldest);
          open.delete(oldestKey);
        }
      }
      if (step.packet !== null) show(passage, step.packet);
      if (step.ruleKind === 'packet') passage.packets.add(place);
      passage.mark = step.mark ?? passage.mark;
      passage.steps.push({
        headId: headId(step),
        shapeId: passage.shapeId,
        slot: passage.slot,
        ttlLost: passage.ttlLost,
        line,
      });
    },
    flush() {
      for (const passage of open.values()) end(passage);
      open.clear();
    },
  };
}
