// A typed line of several commands: which of them printed which line.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stagesOf } from '../../../src/ingest/typed-stages.js';

const told = (line: string) => stagesOf(line).map(({ command, lines }) => [command, lines]);

describe('stages of a typed line', () => {
  it('are its commands, with the number of lines each prints', () => {
    expect(told('date; conntrack -C; conntrack -L dying 2>/dev/null | wc -l && ss -tan')).toEqual([
      ['date', 1],
      ['conntrack -C', 1],
      ['conntrack -L dying 2>/dev/null | wc -l', 1],
      ['ss -tan', null],
    ]);
  });

  it('takes braces and operands one by one where each prints a line', () => {
    expect(told('cat /proc/sys/net/netfilter/nf_conntrack_{count,max}; wc -l < /proc/net/nf_conntrack')).toEqual([
      ['cat /proc/sys/net/netfilter/nf_conntrack_count', 1],
      ['cat /proc/sys/net/netfilter/nf_conntrack_max', 1],
      ['wc -l < /proc/net/nf_conntrack', 1],
    ]);
    expect(told('sysctl -n net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_count').length).toBe(2);
    expect(told('cat notes.txt /proc/net/nf_conntrack')).toEqual([['cat notes.txt /proc/net/nf_conntrack', null]]);
  });

  it('knows what prints nothing, and leaves quotes and programs alone', () => {
    expect(told('conntrack -S > before.txt; sleep 60; uname -r')).toEqual([
      ['conntrack -S > before.txt', 0],
      ['sleep 60', 0],
      ['uname -r', 1],
    ]);
    expect(told("lsmod | awk '$3 > 0; {print $1}'; uname -r")).toEqual([
      ["lsmod | awk '$3 > 0; {print $1}'", null],
      ['uname -r', 1],
    ]);
    expect(told('while :; do date +%T; conntrack -C; done').length).toBe(1);
    expect(told("grep -c 'sport=53; date").length).toBe(1);
  });

  it('never throws, and loses no command', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (line) => {
        for (const { command } of stagesOf(line)) expect(command).not.toBe('');
      }),
    );
  });
});
