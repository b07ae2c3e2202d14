// What the model says of packets it did not all see is never wrong: the tracker that saw them all is always among its worlds, and where
// it names one verdict it is the tracker's. A slice of test/oracle/run-hidden.ts.

import { describe, expect, it } from 'vitest';
import { parseKernelVersion } from '../../../../src/catalogue/kernel-version.js';
import { ACK, FIN, RST, SYN } from '../../../../src/tracker/packet.js';
import { followTcp } from '../../../../src/tracker/unseen/follow-tcp.js';
import { NOTHING_OBSERVED } from '../../../../src/tracker/unseen/observed.js';
import type { Segment } from '../../../../src/tracker/unseen/segment.js';
import { NO_ENTRY } from '../../../../src/tracker/unseen/world.js';
import { HIDINGS, type Hiding, playHidden } from '../../../oracle/hidden.js';

const SEQUENCES = 25;

function playAll(hiding: Hiding, first: number): { readonly judged: number; readonly sure: number } {
  let judged = 0;
  let sure = 0;
  for (let seed = first; seed < first + SEQUENCES; seed += 1) {
    const run = playHidden(seed, hiding);
    expect(run.faults).toEqual([]);
    judged += run.judged;
    sure += run.sure;
  }
  return { judged, sure };
}

describe('a follower that did not see everything', () => {
  it('is the tracker itself while it sees everything', () => {
    const { judged, sure } = playAll(HIDINGS.nothing, 1);
    expect(judged).toBeGreaterThan(150);
    expect(sure).toBe(judged);
  });

  it('holds the truth when packets are hidden', () => {
    expect(playAll(HIDINGS.packets, 1000).judged).toBeGreaterThan(150);
  });

  it('holds the truth when openings are hidden too', () => {
    playAll(HIDINGS.openings, 2000);
  });

  it('holds the truth when numbers are taken away', () => {
    playAll(HIDINGS.numbers, 3000);
  });

  it('is struck down to less by what the kernel answered, never to nothing', () => {
    const blind = playAll(HIDINGS.some, 4000);
    const seeing = playAll(HIDINGS['some, answered'], 4000);
    expect(blind.judged).toBeGreaterThan(100);
    expect(seeing.sure / seeing.judged).toBeGreaterThan(blind.sure / blind.judged);
  });

  it('learns from packets when it came in the middle', () => {
    playAll(HIDINGS['the beginning'], 5000);
  });
});

describe('flags', () => {
  it('decide alone where they can', () => {
    const follower = followTcp({ kernel: parseKernelVersion('6.18')!, sysctls: {} }, false);
    const segment: Segment = {
      atMs: 0,
      errorMs: 0,
      from: 0,
      flags: SYN | FIN,
      seq: null,
      ack: null,
      window: null,
      payload: null,
      options: null,
      hasOptions: false,
      fault: null,
      isDropped: false,
    };
    expect(follower.judge(segment, NOTHING_OBSERVED).verdicts).toEqual(['INVALID']);
    expect(follower.judge({ ...segment, flags: RST | ACK }, NOTHING_OBSERVED).verdicts.length).toBeGreaterThan(1);
    follower.noteGone();
    const closing = follower.judge({ ...segment, flags: FIN | ACK }, NOTHING_OBSERVED);
    expect(closing.verdicts).toEqual(['INVALID']);
    expect(closing.branches[0]!.message).toBe('nf_ct_proto_6: invalid new');
    expect(follower.worlds).toEqual([NO_ENTRY]);
  });
});
