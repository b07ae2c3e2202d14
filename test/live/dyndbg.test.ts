// Debug callsites on the kernel that runs: switched on they print, switched off the control file is as it was before, also where somebody
// had flags there; and a kernel that lost a callsite says what replaced it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltProgram, builtProgram } from '../lab/built-program.js';
import { patient } from '../lab/clock.js';
import { type KernelLog, openKernelLog } from '../lab/kernel-log.js';
import { type Lab, type LabHost, openLab, putBackAtExit, whyNoLab } from '../lab/lab.js';
import { sendSegments } from '../lab/raw-segments.js';

const CONTROL = '/proc/dynamic_debug/control';
const REASON = 'tcp-invalid-new';
/** SCTP has a callsite that ends alike. */
const WORDS = 'nf_ct_tcp: invalid new deleting';
const LIMIT_MS = patient(120_000);
const whyNone = whyNoLab();
const why = whyNone ?? whyNoCallsite();

/** Why the callsite of the reason cannot be tried here, in one line; null when it can. */
function whyNoCallsite(): string | null {
  if (!existsSync(CONTROL)) return 'needs a kernel with dynamic debug; npm run test:kernels has some';
  return callsites().length === 0 ? 'needs a kernel up to 6.6: the callsite is gone since' : null;
}

/** Lines of the control file for the callsite of the reason. */
function callsites(): readonly string[] {
  return conntrackLines().filter((line) => line.includes(WORDS));
}

function conntrackLines(): readonly string[] {
  const lines = readFileSync(CONTROL, 'utf8').split('\n');
  return lines.filter((line) => /\[nf_(conntrack|nat|defrag)\w*\]/.test(line));
}

const flagsOf = (line: string) => / =(\S+) "/.exec(line)![1]!;

describe.skipIf(whyNone !== null)(`dyndbg${whyNone === null ? '' : ` (${whyNone})`}`, () => {
  let folder: string;
  let program: BuiltProgram;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-dyndbg-'));
    program = builtProgram(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const ctwhy = (...args: readonly string[]) => program.run(args);

  it.skipIf(why === null)(
    'says what replaced a callsite that this kernel does not have',
    () => {
      const { code, err } = ctwhy('dyndbg', 'list', '--reason', REASON);
      expect(code).toBe(3);
      expect(err).toContain('until 6.6');
      expect(err.replaceAll(/\s+/g, ' ')).toContain('ctwhy log-invalid enable -p tcp');
    },
    LIMIT_MS,
  );

  describe.skipIf(why !== null)(`on callsites${why === null ? '' : ` (${why})`}`, () => {
    let lab: Lab;
    let place: LabHost;
    let log: KernelLog;
    let putBack: () => void;

    function setFlags(flags: string): void {
      writeFileSync(CONTROL, `module nf_conntrack format "${WORDS}" =${flags}\n`);
    }

    beforeAll(async () => {
      const [found] = callsites();
      putBack = putBackAtExit(() => setFlags(flagsOf(found!)));
      setFlags('_');
      lab = openLab();
      log = openKernelLog();
      place = await lab.addHost('dyndbg');
      await place.run('ip addr add 192.0.2.1/32 dev lo');
      // Not dropped: whoever sends by a raw socket would be told (EPERM).
      await place.run('iptables -A OUTPUT -m state --state INVALID -j ACCEPT');
    });
    afterAll(() => {
      ctwhy('undo', '--all');
      log?.close();
      lab?.close();
      putBack?.();
    });

    it(
      'prints what it switched on, and puts the control file back',
      async () => {
        const before = conntrackLines();
        const made = ctwhy('dyndbg', 'enable', '--reason', REASON, '--yes');
        expect(made.code, made.err).toBe(0);
        expect(callsites().map(flagsOf)).toEqual(callsites().map(() => 'pmf'));
        expect(conntrackLines().filter((line) => !before.includes(line))).toHaveLength(callsites().length);
        await sendSegments(place, '192.0.2.1', '192.0.2.1', [{ sport: 40001, dport: 8080, flags: 'FA' }]);
        const printed = () => log.records((text) => /^nf_conntrack:tcp_new: .*invalid new deleting/.test(text));
        await expect.poll(() => printed().length, { timeout: patient(5000) }).toBeGreaterThan(0);
        const undone = ctwhy('undo', '--all');
        expect(undone.code, undone.err).toBe(0);
        expect(conntrackLines()).toEqual(before);
      },
      LIMIT_MS,
    );

    it.each(['p', 'pf'])(
      'gives back =%s to whoever had set it',
      (flags) => {
        setFlags(flags);
        const before = conntrackLines();
        const made = ctwhy('dyndbg', 'enable', '--reason', REASON, '--yes');
        expect(made.code, made.err).toBe(0);
        expect(callsites().map(flagsOf)).toEqual(callsites().map(() => 'pmf'));
        expect(ctwhy('undo', '--all').code).toBe(0);
        expect(conntrackLines()).toEqual(before);
      },
      LIMIT_MS,
    );

    it(
      'tells callsites of one function apart that print the same words',
      () => {
        const line = /^(\S+):(\d+) \[nf_conntrack\].*"Setting vtag %x for dir %d/;
        const same = conntrackLines().filter((text) => line.test(text));
        expect(same.length).toBeGreaterThan(1);
        const [, file, number] = line.exec(same[1]!)!;
        const original = flagsOf(same[1]!);
        const set = (flags: string) => writeFileSync(CONTROL, `file ${file} line ${number} =${flags}\n`);
        set('p');
        try {
          const before = conntrackLines();
          const made = ctwhy('dyndbg', 'enable', '--message', 'vtag %x for dir', '--yes');
          expect(made.code, made.err).toBe(0);
          expect(conntrackLines()).not.toEqual(before);
          expect(ctwhy('undo', '--all').code).toBe(0);
          expect(conntrackLines()).toEqual(before);
        } finally {
          set(original);
        }
      },
      LIMIT_MS,
    );

    it(
      'prints commands for a dry run that do the same when they are pasted',
      () => {
        setFlags('_');
        const before = conntrackLines();
        const dry = ctwhy('dyndbg', 'enable', '--reason', REASON, '--dry-run');
        expect(conntrackLines()).toEqual(before);
        const pasted = dry.out.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
        expect(pasted).toHaveLength(callsites().length);
        for (const line of pasted) expect(spawnSync('sh', ['-c', line], { encoding: 'utf8' }).stderr).toBe('');
        expect(callsites().map(flagsOf)).toEqual(callsites().map(() => 'pmf'));
        setFlags('_');
        expect(conntrackLines()).toEqual(before);
      },
      LIMIT_MS,
    );
  });
});
