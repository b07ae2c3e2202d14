// Which kernel a host ran, where people paste it: its version decides what messages mean.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../helpers/run-command.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernels-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PACKET =
  'IN=lan0 OUT= SRC=192.0.2.10 DST=198.51.100.80 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40001 DPT=443 SEQ=1 ACK=5 WINDOW=64240 RES=0x00 ACK URGP=0';
const MESSAGE = `nf_ct_proto_6: SEQ is under the lower bound (already ACKed data retransmitted) ${PACKET}\n`;
/** Without uptime the log has no boot of its own; with it, it has. */
const LOG = `Nov 21 10:00:01 fw1 kernel: ${MESSAGE}`;
const LOG_WITH_UPTIME = `Nov 21 10:00:01 fw1 kernel: [ 1000.000100] ${MESSAGE}`;
const UNAME = 'Linux fw1 5.10.0-32-amd64 #1 SMP Debian 5.10.223-1 (2024-08-10) x86_64 GNU/Linux\n';
const PRINTED = 'kernel 5.10.0-32-amd64, ';
const GUESSED = (release: string) => `kernel ${release} (a guess: --kernel), `;

async function head(...texts: readonly string[]): Promise<string> {
  const files = texts.map((text, index) => {
    const path = join(folder, `file-${index}.txt`);
    writeFileSync(path, text);
    return ['-r', path];
  });
  return (await runCommand(['explain', ...files.flat()])).stdout.replace(/\s+/g, ' ');
}

describe('what a host printed', () => {
  it.each([
    ['uname -a in a file of its own', [LOG, UNAME]],
    ['before or behind the log, which counts since boot', [UNAME, LOG_WITH_UPTIME]],
    ['uname -a within the log', [LOG + UNAME]],
    ['the same of a log that counts since boot', [LOG_WITH_UPTIME + UNAME]],
    ['quoted', [`${LOG_WITH_UPTIME}> ${UNAME}`]],
    ['behind words', [`${LOG}uname says: ${UNAME}`]],
    ['uname -r under a prompt', [`root@fw1:~# uname -r\n5.10.0-32-amd64\n${LOG_WITH_UPTIME}`]],
    ['hostnamectl', [`   Static hostname: fw1\n            Kernel: Linux 5.10.0-32-amd64\n${LOG}`]],
    ['/proc/version', [`${LOG}Linux version 5.10.0-32-amd64 (debian-kernel@lists.debian.org) (gcc-10) #1 SMP\n`]],
    ['sysctl -a', [LOG_WITH_UPTIME, 'kernel.osrelease = 5.10.0-32-amd64\nnet.netfilter.nf_conntrack_max = 262144\n']],
  ])('%s', async (_, texts) => {
    expect(await head(...texts)).toContain(PRINTED);
  });

  it('holds for no other host', async () => {
    const other = LOG.replace('fw1', 'db7');
    const text = await head(LOG, other, UNAME);
    expect(text).toContain('kernel 5.10.0-32-amd64');
    const { stdout } = await runCommand([
      'ingest',
      '--db',
      join(folder, 's.db'),
      ...[0, 1, 2].map((n) => join(folder, `file-${n}.txt`)),
    ]);
    expect(stdout).toMatch(/host fw1, kernel 5\.10\.0-32-amd64\n/);
    expect(stdout).toMatch(/host db7, kernel not known/);
  });

  it('is preferred to what words mention', async () => {
    expect(await head(`${LOG}we run kernel 5.15.150 here\n${UNAME}`)).toContain(PRINTED);
  });
});

describe('what prose mentions', () => {
  it('is a guess, and no finding that rests on it is certain', async () => {
    const text = await head(`${LOG}The gateway runs kernel 5.15.150 since May.\n`);
    expect(text).toContain(GUESSED('5.15.150'));
    expect(text).not.toContain('certain');
    expect(await head(LOG_WITH_UPTIME, 'Kernel version: 6.1.55-generic\n')).toContain(GUESSED('6.1.55-generic'));
    expect(await head(LOG, 'ii  linux-image-5.10.0-32-amd64  5.10.223-1  amd64\n')).toContain(
      GUESSED('5.10.0-32-amd64'),
    );
  });

  it('counts for nothing where several are mentioned, or one that was left or is wished for', async () => {
    for (const words of [
      'ii  linux-image-5.10.0-32-amd64\nii  linux-image-5.10.0-31-amd64\n',
      'It came in kernel 6.1.5.\n',
      'We want to upgrade to kernel 6.1.5, it is fixed in linux 6.2.1 they say.\n',
      'iptables v1.8.9 on the kernel side, libmnl 1.0.4\n',
    ])
      expect([words, await head(`${LOG_WITH_UPTIME}${words}`)]).toEqual([
        words,
        expect.stringContaining('kernel not known'),
      ]);
  });
});
