import { accessSync, constants, openSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openKernelRing } from '../../src/sources/kmsg.js';

function canWrite(): boolean {
  try {
    accessSync('/dev/kmsg', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

// Skipped where /dev/kmsg may not be read and written: it takes root.
describe.skipIf(!canWrite())('the kernel ring', () => {
  it('gives what is written to it, whole and in order', async () => {
    const mark = `ctwhy-test-${process.pid}`;
    const ring = openKernelRing();
    const descriptor = openSync('/dev/kmsg', 'w');
    const wanted = 8; // the kernel takes ten lines in five seconds from one writer (printk_devkmsg=ratelimit)
    let text = '';
    let idle = 0;
    let isWritten = false;
    for await (const chunk of ring.chunks) {
      text += Buffer.from(chunk).toString('latin1');
      if (chunk.length > 0) continue;
      idle++;
      if (!isWritten && idle > 10) {
        isWritten = true;
        for (let index = 0; index < wanted; index++) writeSync(descriptor, `<7>${mark} ${index}\n`);
      }
      if (text.includes(`${mark} ${wanted - 1}\n`) || idle > 200) break;
    }
    const lines = text.split('\n').filter((line) => line.includes(mark));
    expect(lines.map((line) => line.slice(line.indexOf(';') + 1))).toEqual(
      Array.from({ length: wanted }, (_, index) => `${mark} ${index}`),
    );
    const sequences = lines.map((line) => Number(line.split(',')[1]));
    expect(sequences.every((sequence, index) => index === 0 || sequence > sequences[index - 1]!)).toBe(true);
    expect(ring.overruns()).toBe(0);
  });

  it('says what is wrong when it cannot be read', async () => {
    const ring = openKernelRing({ path: '/dev/no-such-device' });
    await expect(
      (async () => {
        for await (const _ of ring.chunks);
      })(),
    ).rejects.toThrow('cannot read /dev/no-such-device');
  });
});
