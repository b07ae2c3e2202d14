// Where systemd runs, a transient timer ends a change. Programs of its name stand in for it here: they keep what they were told. (A real one
// is met on the kernels: npm run test:kernels -- --systemd.)

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyChange } from '../../../src/changes/apply.js';
import { arrangeEnd, cancelEnd, hasEnder } from '../../../src/changes/ending.js';
import { openJournal } from '../../../src/changes/journal.js';
import type { ChangeSession } from '../../../src/changes/session.js';
import { realWriteHost } from '../../../src/host/real-write-host.js';
import type { WriteHost } from '../../../src/host/write-host.js';
import type { Change } from '../../../src/model/change.js';

const NOW_US = Date.UTC(2026, 10, 21, 12) * 1000;
const PROGRAM = `#!/bin/sh
{ printf '%s\\n' "\${0##*/}" "$@"; echo; } >>FOLDER/calls
case "$*" in *--on-active*) exit 0;; esac
[ -e "FOLDER/$(basename "$0").fails" ] && { echo 'Failed to connect to bus' >&2; exit 1; }
exit 0
`;

let folder: string;
let session: ChangeSession;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-ending-'));
  mkdirSync(join(folder, 'bin'));
  for (const name of ['systemd-run', 'systemctl']) {
    writeFileSync(join(folder, 'bin', name), PROGRAM.replaceAll('FOLDER', folder));
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  const real = realWriteHost({ searchPath: `${join(folder, 'bin')}:/usr/bin:/bin` });
  const host: WriteHost = {
    ...real,
    look: (path) => real.look(path === '/run/systemd/system' ? folder : path),
  };
  session = {
    host,
    journal: openJournal(host, join(folder, 'journal')),
    nowUs: () => NOW_US,
    self: ['/usr/bin/node', '/opt/ctwhy/bin/ctwhy.js'],
    environment: { CTWHY_CHANGES: '/srv/journal' },
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the programs were told, a list of words for each call. */
function calls(): readonly (readonly string[])[] {
  if (!existsSync(join(folder, 'calls'))) return [];
  const text = readFileSync(join(folder, 'calls'), 'utf8');
  return text
    .trimEnd()
    .split('\n\n')
    .map((call) => call.split('\n'));
}

const change = (endsAtUs: number | null): Change => ({
  schema: 'ctwhy.change/1',
  number: 7,
  kind: 'trace',
  what: 'trace tcp dport 25',
  command: 'trace add --dport 25',
  madeAtUs: NOW_US,
  endsAtUs,
  isStanding: false,
  hostName: 'here',
  bootId: null,
  place: { netnsInode: null, isFirstNetns: true, label: null },
  uid: 0,
  state: 'intended',
  acts: [],
  ending: null,
  stays: [],
  result: null,
});

const RUN = ['systemd-run', '--quiet', '--collect'];
const SELF = ['--setenv=CTWHY_CHANGES=/srv/journal', '/usr/bin/node', '/opt/ctwhy/bin/ctwhy.js'];

describe('the end of a change where systemd runs', () => {
  it('is a timer of its own, exact to a second, and a service that watches', async () => {
    const ending = await arrangeEnd(session, change(NOW_US + 299_200_000));
    expect(ending).toEqual({
      timerUnit: 'ctwhy-end-7-_srv_journal.timer',
      keeperUnit: 'ctwhy-keep-7-_srv_journal.service',
      keeperPid: null,
    });
    expect(calls()).toEqual([
      [
        ...[...RUN, '--unit=ctwhy-end-7-_srv_journal', '--on-active=300s', '--timer-property=AccuracySec=1s'],
        ...[...SELF, 'undo', 'C7', '--yes', '--because', 'time'],
      ],
      [...RUN, '--unit=ctwhy-keep-7-_srv_journal', ...SELF, 'changes', 'keep', 'C7'],
    ]);
  });

  it('is only watched when the change lasts until it is undone', async () => {
    const ending = await arrangeEnd(session, change(null));
    expect(ending).toMatchObject({ timerUnit: null, keeperPid: null });
    expect(calls().map((words) => words[3])).toEqual(['--unit=ctwhy-keep-7-_srv_journal']);
  });

  it('is called off with the change, and missed when the timer is gone', async () => {
    const on = { ...change(NOW_US + 60e6), ending: await arrangeEnd(session, change(NOW_US + 60e6)) };
    expect(await hasEnder(session, on)).toBe(true);
    expect(calls().at(-1)).toEqual(['systemctl', 'is-active', 'ctwhy-end-7-_srv_journal.timer']);
    writeFileSync(join(folder, 'systemctl.fails'), '');
    expect(await hasEnder(session, on)).toBe(false);
    rmSync(join(folder, 'systemctl.fails'));
    await cancelEnd(session, on);
    expect(calls().at(-1)).toEqual(['systemctl', 'stop', 'ctwhy-end-7-_srv_journal.timer']);
  });

  it('that cannot be arranged leaves no timer, and nothing is changed', async () => {
    writeFileSync(join(folder, 'systemd-run.fails'), ''); // the timer is taken, the service is not
    const setting = join(folder, 'setting');
    writeFileSync(setting, '0\n');
    const act = {
      ...({
        is: 'sysctl',
        name: 'net.netfilter.nf_conntrack_log_invalid',
        path: setting,
        inFirstNetns: false,
      } as const),
      ...{ before: '0', after: '6', original: '0' },
    };
    const plan = {
      ...({
        kind: 'log-invalid',
        what: 'log_invalid 0 -> 6',
        acts: () => [act],
        forMs: 60_000,
        isStanding: false,
      } as const),
      ...{ stays: [], warnings: [], seeAt: [] },
    };
    const place = { netnsInode: null, isFirstNetns: true, label: null };
    const made = applyChange(session, { plan, place, netns: undefined, command: 'log-invalid enable' });
    await expect(made).rejects.toThrow(/Failed to connect to bus\. Nothing was changed/);
    expect(readFileSync(setting, 'utf8')).toBe('0\n');
    expect(calls().map((words) => words.slice(0, 2).join(' '))).toContain('systemctl stop');
    expect(session.journal.read().changes.map(({ state }) => state)).toEqual(['ended']);
  });
});
