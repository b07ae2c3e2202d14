// ctwhy snapshot schedule with systemd's own judge of units and a systemctl of ours, in a mount namespace where /etc/systemd/system is empty:
// the units stand, survive what they must, and go without a trace.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../helpers/run-command.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';
import type { Finished } from '../lab/process.js';

function whyNoJudge(): string | null {
  try {
    for (const words of [
      ['systemd-analyze', '--version'],
      ['unshare', '--version'],
      ['conntrack', '--version'],
    ] as const)
      execFileSync(words[0], [words[1]], { stdio: 'ignore' });
    return null;
  } catch {
    return 'needs systemd-analyze, unshare and conntrack';
  }
}

const obstacle = whyNoLab() ?? whyNoJudge();
if (obstacle !== null) console.warn(`schedule tests skipped: ${obstacle}`);

let lab: Lab;
let host: LabHost;
let folder: string;

/** A systemctl that remembers what is on, and what it was told. */
const SYSTEMCTL = (state: string): string => `#!/bin/sh
echo "$*" >> ${state}/told
case "$1" in
  is-enabled|is-active) [ -e ${state}/on ] && echo "\${1#is-}" || { echo no; exit 1; };;
  enable) [ ! -e ${state}/refuses ] || { echo 'Failed to enable unit' >&2; exit 1; }; touch ${state}/on;;
  disable) rm -f ${state}/on;;
esac
`;

beforeAll(async () => {
  if (obstacle !== null) return;
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-schedule-'));
  for (const name of ['bin', 'units', 'run']) mkdirSync(join(folder, name));
  mkdirSync(join(folder, 'run', 'system'));
  writeFileSync(join(folder, 'bin', 'systemctl'), SYSTEMCTL(folder));
  chmodSync(join(folder, 'bin', 'systemctl'), 0o755);
  lab = openLab();
  host = await lab.addHost('gateway');
  await host.run(
    "nft 'table inet lab { chain in { type filter hook input priority 0; ct state new counter accept; }; }'",
  );
});

afterAll(() => {
  lab?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** Runs ctwhy where systemd seems to run and its folder of units is ours. */
function ctwhy(words: string, { hasSystemd = true } = {}): Promise<Finished> {
  const mounts = hasSystemd
    ? `mount --bind ${folder}/run /run/systemd; mount --bind ${folder}/units /etc/systemd/system;`
    : 'mkdir -p /run/systemd; mount -t tmpfs none /run/systemd;';
  return host.attempt(
    `CTWHY_CHANGES=${folder}/changes unshare -m sh -c '${mounts} PATH=${folder}/bin:$PATH; export PATH; exec ${process.execPath} ${REPOSITORY}bin/ctwhy.js ${words}'`,
  );
}

const unit = (name: string): string => join(folder, 'units', name);
const SERVICE = 'ctwhy-snapshot.service';
const TIMER = 'ctwhy-snapshot.timer';

describe.skipIf(obstacle !== null)(
  'ctwhy snapshot schedule',
  () => {
    it('tries it out, refuses a period that it cannot keep, and changes nothing', async () => {
      const { exitStatus, stderr } = await ctwhy(`snapshot schedule --every 1s --yes --db ${folder}/ct.db`);
      expect(stderr).toMatch(/Trial: [\d.]+ s and \d+ [KM]B for a first snapshot/);
      expect(stderr).toContain('--allow period');
      expect(exitStatus).toBe(4);
      expect(existsSync(unit(TIMER))).toBe(false);
      expect(existsSync(`${folder}/ct.db`)).toBe(false);
    });

    it('writes units that systemd accepts, stands through undo --all and a reboot, and goes exactly', async () => {
      const made = await ctwhy(`snapshot schedule --every 1h --keep 7d --yes --db ${folder}/ct.db`);
      expect(made.exitStatus, made.stderr).toBe(0);
      expect(made.stdout).toContain('stands until it is taken back');
      // The change was made after systemd-analyze had judged both; here once more, with what it says.
      const judged = await host.attempt(`systemd-analyze verify ${unit(SERVICE)} ${unit(TIMER)}`);
      expect(judged.stderr).not.toContain('ctwhy-snapshot');
      expect(judged.exitStatus).toBe(0);
      // What the service runs does its work.
      const command = /^ExecStart=(.*)$/m.exec(readFileSync(unit(SERVICE), 'utf8'))![1]!;
      const ran = await host.attempt(command);
      expect(ran.exitStatus, ran.stderr).toBe(0);
      expect(existsSync(`${folder}/ct.db`)).toBe(true);

      const again = await ctwhy('snapshot schedule --every 2h --yes');
      expect(again.exitStatus).toBe(4);
      expect(again.stderr).toContain('stands already: C1');
      const all = await ctwhy('undo --all');
      expect(all.stdout).toContain('--standing');
      expect(existsSync(unit(TIMER))).toBe(true);

      // Another boot: the journal knows an id that is not this one's.
      const journal = `${folder}/changes/C1.json`;
      const kept = readFileSync(journal, 'utf8');
      writeFileSync(journal, kept.replace(/"bootId": "[0-9a-f]+"/, '"bootId": "00000000000000000000000000000000"'));
      expect((await ctwhy('changes -o tsv')).stdout).toMatch(/^C1\t.*\ton\t/m);
      const gone = await ctwhy('snapshot unschedule');
      expect(gone.exitStatus, gone.stderr).toBe(0);
      expect(existsSync(unit(SERVICE)) || existsSync(unit(TIMER)) || existsSync(`${folder}/on`)).toBe(false);
      expect(readFileSync(`${folder}/told`, 'utf8').trim().split('\n').at(-1)).toBe('daemon-reload');
    });

    it('leaves a unit that somebody edited, and says so', async () => {
      await ctwhy(`snapshot schedule --every 1h --yes --db ${folder}/ct.db`);
      writeFileSync(unit(SERVICE), `${readFileSync(unit(SERVICE), 'utf8')}Environment=EDITED=1\n`);
      const undone = await ctwhy('snapshot unschedule');
      expect(undone.exitStatus).toBe(5);
      expect(undone.stdout.replace(/\s+/g, ' ')).toContain('somebody else changed it since');
      expect(existsSync(unit(SERVICE))).toBe(true);
      rmSync(unit(SERVICE));
    });

    it('takes back what it had done when systemd refuses', async () => {
      writeFileSync(join(folder, 'refuses'), '');
      const made = await ctwhy(`snapshot schedule --every 1h --yes --db ${folder}/ct.db`);
      expect(made.exitStatus).toBe(5);
      expect(made.stderr).toContain('taken back');
      expect(existsSync(unit(SERVICE)) || existsSync(unit(TIMER))).toBe(false);
    });

    it('without systemd ends with 3 and a line for cron', async () => {
      const { exitStatus, stderr } = await ctwhy('snapshot schedule --every 5min --keep 7d', { hasSystemd: false });
      expect(exitStatus).toBe(3);
      expect(stderr).toMatch(/^ {2}\*\/5 \* \* \* \* root .* snapshot take --quiet --db .* --keep 7d$/m);
    });
  },
  patient(120_000),
);
