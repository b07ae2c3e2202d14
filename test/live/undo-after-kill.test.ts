// A process that dies anywhere between intent and result leaves a host that undo puts back. Every call that changes something is a place to
// die: before it, and after it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyChange } from '../../src/changes/apply.js';
import { openJournal } from '../../src/changes/journal.js';
import type { Plan } from '../../src/changes/plan.js';
import { tagTable } from '../../src/changes/rules/nft-table-script.js';
import type { ChangeSession } from '../../src/changes/session.js';
import { undoChange } from '../../src/changes/undo.js';
import { realWriteHost } from '../../src/host/real-write-host.js';
import type { WriteHost } from '../../src/host/write-host.js';
import type { Act } from '../../src/model/change.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';

class Killed extends Error {}

/** An emulated machine would take an hour for all: there every third place to die. */
const STRIDE = patient(1) > 1 ? 3 : 1;

/** A host whose user dies at the nth call that changes something: from then on every call fails, as it would for a dead process. */
function mortal(
  host: WriteHost,
  dieAt: number,
  when: 'before' | 'after',
): WriteHost & { readonly calls: () => number } {
  let calls = 0;
  let isDead = false;
  const alive = () => {
    if (isDead) throw new Killed();
  };
  const counted = <A extends unknown[], R>(work: (...args: A) => R) => {
    return (...args: A): R => {
      alive();
      const isLast = ++calls === dieAt;
      if (isLast && when === 'before') {
        isDead = true;
        throw new Killed();
      }
      const result = work(...args);
      if (!isLast) return result;
      isDead = true;
      if (!(result instanceof Promise)) throw new Killed();
      return result.then(() => {
        throw new Killed();
      }) as R;
    };
  };
  return {
    ...host,
    run: (...args) => {
      alive();
      return host.run(...args);
    },
    read: (path) => {
      alive();
      return host.read(path);
    },
    write: counted(host.write),
    writeDurably: counted(host.writeDurably),
    createDurably: counted(host.createDurably),
    rename: counted(host.rename),
    makeFolder: counted(host.makeFolder),
    remove: counted(host.remove),
    runChanging: counted(host.runChanging),
    startDetached: counted(() => 999_999_999),
    calls: () => calls,
  };
}

const why = whyNoLab();

describe.skipIf(why !== null)(`undo after kill -9${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let place: LabHost;
  let folder: string;
  const real = realWriteHost();
  const filter = {
    family: null,
    protos: [6],
    src: ['192.0.2.42'],
    dst: null,
    sport: null,
    dport: [{ from: 25, to: 25 }],
    icmpType: null,
    inIf: null,
    outIf: null,
    flags: null,
    mark: null,
    zone: null,
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-journal-'));
    lab = openLab();
    place = await lab.addHost('undo');
    // Where the logger is a module this loads it: the kernel binds it then, and the change below takes it away.
    await place.run('iptables-legacy -A INPUT -p tcp --dport 26 -j LOG');
    await place.run('iptables -A OUTPUT -p tcp --dport 8080 -m state --state NEW -j ACCEPT');
    await place.run('iptables-legacy -A INPUT -p tcp --dport 25 -j ACCEPT');
    await place.run('nft add table inet fw');
    await place.run("nft add chain inet fw input '{ type filter hook input priority 5; }'");
    await place.run('nft add rule inet fw input tcp dport 443 counter accept');
  });
  afterAll(() => {
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Everything a change may touch, as text. */
  async function state(): Promise<string> {
    const parts = [];
    for (const command of [
      'nft -s list ruleset',
      'iptables-legacy-save -t filter',
      'sysctl net.netfilter.nf_conntrack_log_invalid net.netfilter.nf_log.2',
    ])
      parts.push((await place.run(command)).stdout.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, ''));
    return parts.join('\n');
  }

  /** One change with an act of every kind that needs no module. */
  const acts = (number: number): readonly Act[] => {
    const words = (name: string) => ['-m', 'comment', '--comment', `ctwhy:C${number}:${name}`, '-j', 'LOG'];
    const sysctl = (name: string, path: string, before: string, after: string): Act => ({
      is: 'sysctl',
      name: `net.netfilter.${name}`,
      path: `/proc/sys/net/netfilter/${path}`,
      inFirstNetns: false,
      before,
      after,
      original: before,
    });
    return [
      sysctl('nf_log.2', 'nf_log/2', 'nf_log_ipv4', 'NONE'),
      sysctl('nf_conntrack_log_invalid', 'nf_conntrack_log_invalid', '0', '6'),
      {
        is: 'nft-table',
        family: 'inet',
        table: `ctwhy_${number}`,
        script: tagTable({
          number,
          filter,
          rate: { count: 20, per: 'second' },
          states: ['NEW', 'INVALID'],
          table: null,
          options: { level: 'info', tcpSequence: true, tcpOptions: false, ipOptions: false, uid: false },
        }),
        listing: null,
      },
      {
        is: 'iptables-rule',
        program: 'iptables-legacy',
        table: 'filter',
        chain: 'INPUT',
        position: 1,
        words: words('1'),
        comment: `ctwhy:C${number}:1`,
      },
      {
        is: 'iptables-rule',
        program: 'iptables-nft',
        table: 'filter',
        chain: 'OUTPUT',
        position: 1,
        words: words('2'),
        comment: `ctwhy:C${number}:2`,
      },
      {
        is: 'nft-rule',
        family: 'inet',
        table: 'fw',
        chain: 'input',
        beforeHandle: null,
        text: `tcp dport 443 log comment "ctwhy:C${number}:3"`,
        comment: `ctwhy:C${number}:3`,
        handle: null,
      },
    ];
  };
  const plan: Plan = {
    kind: 'tag',
    what: 'everything at once',
    acts,
    forMs: 60_000,
    isStanding: false,
    stays: [],
    warnings: [],
    seeAt: [],
  };

  const session = (host: WriteHost, journal: string): ChangeSession => ({
    host,
    journal: openJournal(host, join(folder, journal)),
    nowUs: () => Date.now() * 1000,
    self: ['/nonexistent'],
    environment: {},
  });
  const request = () => ({
    plan,
    place: { netnsInode: place.inode, isFirstNetns: false, label: null },
    netns: `/run/netns/${place.namespace}`,
    command: 'test',
  });

  it(
    'puts back what a whole change did',
    async () => {
      const before = await state();
      const host = mortal(real, Number.POSITIVE_INFINITY, 'before');
      const own = session(host, 'whole');
      const change = await applyChange(own, request());
      const during = await state();
      expect(during).not.toBe(before);
      for (const part of [`ctwhy_${change.number}`, 'nf_conntrack_log_invalid = 6', 'nf_log.2 = NONE'])
        expect(during).toContain(part);
      const undone = await undoChange(own, change);
      expect(undone.left).toEqual([]);
      expect(undone.done).toHaveLength(6);
      expect(await state()).toBe(before);
      // Again does no harm.
      expect((await undoChange(own, change)).left).toEqual([]);
      expect(await state()).toBe(before);
    },
    patient(120_000),
  );

  it(
    'puts back what is there after a death at every step',
    async () => {
      const before = await state();
      let deaths = 0;
      for (const when of ['before', 'after'] as const)
        for (let step = 1; ; step += STRIDE) {
          const host = mortal(real, step, when);
          const dead = session(host, `${when}-${step}`);
          const died = await applyChange(dead, request()).then(
            () => false,
            () => true,
          );
          const alive = session(real, `${when}-${step}`);
          const { changes, unreadable } = alive.journal.read();
          expect(unreadable).toEqual([]);
          for (const change of changes)
            if (change.state !== 'ended') expect((await undoChange(alive, change)).left).toEqual([]);
          expect(await state(), `killed ${when} call ${step}`).toBe(before);
          expect(alive.journal.read().changes.every((change) => change.state === 'ended')).toBe(true);
          if (!died) break;
          deaths++;
        }
      // Journal, end, and six acts, each with a note of what was learnt.
      expect(deaths).toBeGreaterThan(20 / STRIDE);
    },
    patient(600_000),
  );
});
