// Every option of the commands that change a host does something: what would be done differs with it from what would be done without it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandSpec } from '../../src/cli/command.js';
import { CHANGE_OPTIONS, PACKET_FILTER_OPTIONS } from '../../src/cli/global-options.js';
import { logInvalidEnableCommand } from '../../src/commands/log-invalid/log-invalid.js';
import { tagAddCommand } from '../../src/commands/tag/tag.js';
import { traceAddCommand } from '../../src/commands/trace/trace.js';
import type { World } from '../../src/world.js';
import { type BuiltProgram, builtProgram } from '../lab/built-program.js';
import { patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';

const why = whyNoLab();

/** With each option a whole command line, and the one that it must differ from. */
type Pair = readonly [with_: readonly string[], without: readonly string[]];

const ONE = ['--dport', '25'];
const plus = (base: readonly string[], ...more: readonly string[]): Pair => [[...base, ...more], base];
/** Options that other tests hold: where it happens, what is asked, how it is printed. */
const ELSEWHERE = new Set(['netns', 'yes', 'json', 'dry-run', 'allow']);

function filterPairs(base: readonly string[]): Readonly<Record<string, Pair>> {
  const one = [...base, ...ONE];
  const icmp = [...base, '-d', '198.51.100.1'];
  return {
    proto: plus(one, '-p', 'tcp'),
    src: plus(one, '-s', '192.0.2.1'),
    dst: plus(one, '-d', '198.51.100.1'),
    sport: plus(one, '--sport', '40000:40010'),
    dport: plus(icmp, '--dport', '25'),
    'in-interface': plus(one, '-i', 'eth0'),
    'out-interface': plus(one, '--out-interface', 'eth1'),
    ipv4: plus(one, '-4'),
    ipv6: plus(one, '-6'),
    'icmp-type': plus(icmp, '-p', 'icmp', '--icmp-type', '8'),
    'tcp-flags': plus(one, '-p', 'tcp', '--tcp-flags', 'SYN'),
    mark: plus(one, '--mark', '7'),
    zone: plus(one, '--zone', '3'),
    flow: plus(one, '--flow', '192.0.2.9:40001'),
    limit: plus(one, '--limit', '1/min'),
    backend: plus([...one, '-4'], '--backend', 'legacy'),
    ctstate: plus(one, '--ctstate', 'INVALID'),
    for: plus(one, '--for', '7min'),
  };
}

const LOG_INVALID = ['log-invalid', 'enable'];
const COMMANDS: readonly (readonly [CommandSpec<World>, Readonly<Record<string, Pair>>])[] = [
  [
    traceAddCommand as CommandSpec<World>,
    {
      ...filterPairs(['trace', 'add']),
      bpf: plus(['trace', 'add', ...ONE, '-4', '--backend', 'legacy'], '--bpf', 'tcp[13] & 2 != 0'),
    },
  ],
  [
    tagAddCommand as CommandSpec<World>,
    {
      ...filterPairs(['tag', 'add']),
      at: [
        ['tag', 'add', '--at', 'filter OUTPUT 1'],
        ['tag', 'add', '--at', 'filter OUTPUT 2'],
      ],
      table: plus(['tag', 'add', ...ONE], '--table', 'mangle'),
      'log-level': plus(['tag', 'add', ...ONE], '--log-level', 'debug'),
      'log-tcp-sequence': plus(['tag', 'add', ...ONE], '--log-tcp-sequence'),
      'log-tcp-options': plus(['tag', 'add', ...ONE], '--log-tcp-options'),
      'log-ip-options': plus(['tag', 'add', ...ONE], '--log-ip-options'),
      'log-uid': plus(['tag', 'add', ...ONE], '--log-uid'),
    },
  ],
  [
    logInvalidEnableCommand as CommandSpec<World>,
    {
      proto: plus(LOG_INVALID, '-p', 'tcp'),
      ipv4: plus(LOG_INVALID, '-4'),
      ipv6: plus(LOG_INVALID, '-6'),
      for: plus(LOG_INVALID, '--for', '7min'),
    },
  ],
];

describe.skipIf(why !== null)(`options${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let place: LabHost;
  let folder: string;
  let program: BuiltProgram;
  const known = new Map<string, string>();
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-options-'));
    program = builtProgram(folder, true);
    lab = openLab();
    place = await lab.addHost('options');
    await place.run('iptables -A OUTPUT -p tcp --dport 8080 -m state --state NEW -j ACCEPT');
    await place.run('iptables -A OUTPUT -m state --state INVALID -j DROP');
  });
  afterAll(() => {
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function wouldDo(words: readonly string[]): string {
    const key = words.join(' ');
    const told = known.get(key) ?? program.runIn(place.namespace, [...words, '--dry-run']);
    const text = typeof told === 'string' ? told : `${told.code}\n${told.out}${told.err}`;
    known.set(key, text);
    return text;
  }

  for (const [spec, pairs] of COMMANDS) {
    const names = (spec.options ?? []).map(({ name }) => name).filter((name) => !ELSEWHERE.has(name));
    it(`${spec.words}: every option is tried here`, () => {
      expect(Object.keys(pairs).sort()).toEqual([...names].sort());
      for (const { name } of spec.words === 'log-invalid enable'
        ? CHANGE_OPTIONS
        : [...CHANGE_OPTIONS, ...PACKET_FILTER_OPTIONS])
        expect(spec.options?.map((option) => option.name)).toContain(name);
    });
    it.each(names)(
      `${spec.words} --%s`,
      (name) => {
        const [with_, without] = pairs[name]!;
        expect(wouldDo(without)).toMatch(/^0\n/);
        expect(wouldDo(with_)).not.toBe(wouldDo(without));
        expect(wouldDo(with_)).not.toMatch(/^2\n/);
      },
      patient(60_000),
    );
  }

  it('a word for --allow that stands for nothing is refused', () => {
    expect(program.runIn(place.namespace, ['trace', 'add', ...ONE, '--allow', 'everything', '--dry-run']).code).toBe(2);
  });
});
