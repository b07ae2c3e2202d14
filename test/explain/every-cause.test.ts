// Which cause is proven by what: for each, a recording of this kernel (or a test with written lines, where none is recorded yet) in which
// it has to be found, and a look-alike that must not be called so. A word whose proof goes fails here.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIXTURE_HOSTS, ROOT } from './explained-files.js';

/** A recorded host, by its name; or a test, by its file in test/ and its title. */
type Proof = string | readonly [file: string, title: string];

interface Proven {
  readonly what: string;
  /** The class that the recording's truth has. */
  readonly id: string;
  readonly found: Proof;
  readonly notCalledSo: Proof;
}

const PACKETS = 'explain/packet-causes.test.ts';
const WINDOWS = 'explain/window-causes.test.ts';
const TABLES = 'explain/told-by-tables.test.ts';
const ROUTING = 'explain/routing-dropped.test.ts';
const FLOWS = 'explain/flow-causes.test.ts';

const PROVEN: readonly Proven[] = [
  { what: 'expiry', id: 'entry-gone', found: 'finwait-expired', notCalledSo: 'finwait-peer-silent' },
  { what: 'deletion', id: 'entry-gone', found: 'finwait-deleted', notCalledSo: 'finwait-table-full' },
  { what: 'flush', id: 'entry-gone', found: 'finwait-flushed', notCalledSo: 'finwait-peer-silent' },
  {
    what: 'address change under MASQUERADE',
    id: 'entry-gone',
    found: 'finwait-address-changed',
    notCalledSo: 'finwait-peer-silent',
  },
  { what: 'table full', id: 'table-full', found: 'finwait-table-full', notCalledSo: 'finwait-deleted-while-full' },
  { what: 'early drop', id: 'entry-gone', found: 'finwait-early-drop', notCalledSo: 'finwait-table-full' },
  {
    what: 'asymmetric path, SYN unseen',
    id: 'asymmetric-syn-unseen',
    found: 'asymmetric-syn-unseen',
    notCalledSo: [PACKETS, 'is not that when the SYN was here'],
  },
  {
    what: 'asymmetric path, answer unseen',
    id: 'asymmetric-reply-unseen',
    found: 'asymmetric-reply-unseen',
    notCalledSo: [PACKETS, 'is not that in another state'],
  },
  {
    what: 'mid-stream pick-up, loose on',
    id: 'midstream-pickup',
    found: 'midstream-pickup',
    notCalledSo: [PACKETS, 'first packets are not that'],
  },
  { what: 'mid-stream, loose off', id: 'entry-gone', found: 'data-expired-strict', notCalledSo: 'midstream-pickup' },
  { what: 'window overshoot', id: 'window-overshoot', found: 'window-overshoot', notCalledSo: 'window-liberal' },
  {
    what: 'lost scale',
    id: 'window-scale-lost',
    found: [WINDOWS, 'the sender runs ahead further and further of a bound that does not move'],
    notCalledSo: [WINDOWS, 'is not that where one SYN offers no scaling'],
  },
  { what: 'invalid RST', id: 'rst-rejected', found: 'rst-rejected', notCalledSo: 'port-reused' },
  { what: 'challenge RST', id: 'rst-rejected', found: 'rst-challenged', notCalledSo: 'port-reused' },
  {
    what: 'port reuse',
    id: 'port-reuse',
    found: 'port-reused',
    notCalledSo: [PACKETS, 'a SYN or SYN ACK that is only repeated is not that'],
  },
  {
    what: 'INVALID skipping NAT',
    id: 'invalid-skips-nat',
    found: 'invalid-skips-nat',
    notCalledSo: [
      'explain/invalid-skips-nat.test.ts',
      'is not said where the masquerade rule is missing and the SYN leaks too',
    ],
  },
  {
    what: 'INVALID skipping NAT, reset here',
    id: 'invalid-skips-nat',
    found: 'invalid-skips-nat-reset',
    notCalledSo: 'reject-with-reset',
  },
  {
    what: 'stale UDP entry',
    id: 'stale-entry',
    found: 'stale-entry',
    notCalledSo: [
      TABLES,
      'is not the address that others are translated to, nor what is answered, nor a plain neighbour',
    ],
  },
  {
    what: 'clash at insertion',
    id: 'insert-race',
    found: [TABLES, 'is likely when failed insertions and drops rise together, surer with the rules'],
    notCalledSo: [
      TABLES,
      'is not told of races that ended well, of drops alone, or of rules where the statistics say no',
    ],
  },
  { what: 'reject with reset', id: 'rule-decided', found: 'reject-with-reset', notCalledSo: 'rst-rejected' },
  {
    what: 'helper absent',
    id: 'helper-expectation',
    found: 'ftp-no-helper',
    notCalledSo: [
      TABLES,
      'is not told of a host that relies on nothing, of a kernel that attaches helpers, or where a rule does',
    ],
  },
  {
    what: 'expectation table full',
    id: 'helper-expectation',
    found: 'expectations-full',
    notCalledSo: 'finwait-table-full',
  },
  {
    what: 'one-sided NOTRACK',
    id: 'untrackable',
    found: 'notrack-one-sided',
    notCalledSo: [PACKETS, 'NOTRACK both ways, or another port, is not that'],
  },
  {
    what: 'untrackable ICMPv6',
    id: 'untrackable',
    found: 'icmpv6-untrackable',
    notCalledSo: [PACKETS, 'an answer without its question is another story'],
  },
  { what: 'bad checksum', id: 'checksum', found: 'bad-checksum', notCalledSo: 'malformed' },
  {
    what: 'bridge path without br_netfilter',
    id: 'bridge-path',
    found: 'bridge-path',
    notCalledSo: 'bridge-hooked',
  },
  { what: 'zones', id: 'bridge-path', found: 'zone-mismatch', notCalledSo: 'notrack-one-sided' },
  {
    what: 'late closing packets',
    id: 'late-close',
    found: 'normal-late-close',
    notCalledSo: [PACKETS, 'a FIN of this host that is tried again is not late: a socket waits'],
  },
  { what: 'a rule that ended early', id: 'rule-decided', found: 'rule-ended-early', notCalledSo: 'routing-no-route' },
  {
    what: 'a rule that never matched',
    id: 'rule-decided',
    found: 'rule-never-matched',
    notCalledSo: 'routing-dropped',
  },
  {
    what: 'rp_filter',
    id: 'routing-dropped',
    found: 'routing-dropped',
    notCalledSo: [ROUTING, 'a filter that is off is not the reason'],
  },
  { what: 'no route', id: 'routing-dropped', found: 'routing-no-route', notCalledSo: 'routing-forbidden' },
  { what: 'forbidden route', id: 'routing-dropped', found: 'routing-forbidden', notCalledSo: 'routing-no-route' },
  { what: 'TTL exceeded', id: 'routing-dropped', found: 'routing-ttl', notCalledSo: 'routing-no-route' },
  { what: 'too big', id: 'routing-dropped', found: 'routing-too-big', notCalledSo: 'routing-ttl' },
  {
    what: 'neighbour unresolved',
    id: 'routing-dropped',
    found: 'routing-neighbour',
    notCalledSo: 'finwait-peer-silent',
  },
  {
    what: 'flowtable teardown',
    id: 'flowtable-teardown',
    found: [FLOWS, 'that is destroyed while it closes is the teardown'],
    notCalledSo: [FLOWS, 'the DESTROY of another connection with the same source port does not count'],
  },
  { what: 'nothing wrong, on a busy host', id: 'normal', found: 'busy-healthy', notCalledSo: 'finwait-deleted' },
];

/** Found in written lines so far, not in a recording of a kernel. */
const NOT_RECORDED = ['lost scale', 'clash at insertion', 'flowtable teardown'];

const truths = JSON.parse(readFileSync(join(ROOT, 'fixtures/truths.json'), 'utf8')) as Record<
  string,
  { readonly class: string; readonly cause: string | null }
>;

/** NULL: it is there. */
function lack(proof: Proof): string | null {
  if (typeof proof === 'string') return existsSync(join(FIXTURE_HOSTS, proof)) ? null : `no recording ${proof}`;
  const [file, title] = proof;
  const path = join(ROOT, 'test', file);
  if (!existsSync(path)) return `no test/${file}`;
  return readFileSync(path, 'utf8').includes(`it('${title}'`) ? null : `test/${file} has no '${title}'`;
}

describe('each cause of the contract', () => {
  it.each(PROVEN)('$what: what it is found in, and what must not be called so, are there', (one) => {
    expect([lack(one.found), lack(one.notCalledSo)]).toEqual([null, null]);
  });

  it.each(PROVEN.filter((one) => typeof one.found === 'string'))('$what: the recording is of $id', (one) => {
    expect(truths[one.found as string]?.class).toBe(one.id);
  });

  it.each(PROVEN.filter((one) => typeof one.notCalledSo === 'string'))(
    '$what: its look-alike is of another class or cause',
    (one) => {
      const twin = truths[one.notCalledSo as string]!;
      const own = typeof one.found === 'string' ? truths[one.found]! : { class: one.id, cause: null };
      expect([twin.class, twin.cause]).not.toEqual([own.class, own.cause]);
    },
  );

  it('has a recording, but for those that are named here', () => {
    expect(PROVEN.filter((one) => typeof one.found !== 'string').map(({ what }) => what)).toEqual(NOT_RECORDED);
  });
});
