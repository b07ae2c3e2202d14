import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readKeyFile, writeKeyFile } from '../../../src/survey/redact/key-file.js';
import { openPseudonyms } from '../../../src/survey/redact/pseudonyms.js';
import { openRedactor } from '../../../src/survey/redact/redact-text.js';
import { addressBytes, addressText } from '../../../src/text/address-bytes.js';
import { REPOSITORY, runCommand } from '../../helpers/run-command.js';

const KEY = Buffer.alloc(32, 7);
const pseudonyms = openPseudonyms(KEY);
const redact = (text: string, key: Uint8Array = KEY) =>
  openRedactor(openPseudonyms(key), ['gw-berlin.example.org', 'vm']).change(text);
const of = (address: string) => addressText(pseudonyms.address(addressBytes(address)!));
const bits = (bytes: readonly number[]) => bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
const shared = (a: readonly number[], b: readonly number[]) => {
  const [one, other] = [bits(a), bits(b)];
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
};
const octets = (length: number) => fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length });

describe('a pseudonym', () => {
  it('shares with another as long a prefix as their addresses do, and so is never another’s', () => {
    for (const length of [4, 16])
      fc.assert(
        fc.property(octets(length), octets(length), fc.integer({ min: 0, max: length }), (a, other, same) => {
          const b = [...a.slice(0, same), ...other.slice(same)];
          expect(shared(pseudonyms.address(a), pseudonyms.address(b))).toBe(shared(a, b));
        }),
      );
  });

  it('stays private, link-local, shared or public', () => {
    const inside: readonly [string, RegExp][] = [
      ['10.1.2.3', /^10\./],
      ['192.168.7.9', /^192\.168\./],
      ['172.20.1.1', /^172\.(1[6-9]|2\d|3[01])\./],
      ['100.64.3.4', /^100\.(6[4-9]|[789]\d|1[01]\d|12[0-7])\./],
      ['169.254.1.2', /^169\.254\./],
      ['fe80::1234:5678', /^fe80::/],
      ['fd00:1:2::3', /^f[cd]/],
      ['2001:db8::1', /^[23]/],
    ];
    for (const [address, pattern] of inside) {
      expect(of(address)).toMatch(pattern);
      expect(of(address)).not.toBe(address);
    }
    fc.assert(
      fc.property(octets(4), (a) => {
        const isPrivate = (one: readonly number[]) =>
          one[0] === 10 || (one[0] === 192 && one[1] === 168) || (one[0] === 172 && one[1]! >> 4 === 1);
        expect(isPrivate(pseudonyms.address(a))).toBe(isPrivate(a));
      }),
    );
    for (const kept of ['127.0.0.1', '0.0.0.0', '255.255.255.0', '224.0.0.1', '::', '::1', 'ff02::1'])
      expect(of(kept)).toBe(kept);
  });

  it('is another with another key', () =>
    expect(redact('192.0.2.1', Buffer.alloc(32, 8))).not.toBe(redact('192.0.2.1')));
});

describe('a redacted text', () => {
  const at = (address: string) => of(address);

  it('is changed wherever an address stands, and nowhere else', () => {
    const cases: readonly [string, string][] = [
      ['SRC=192.0.2.1 DST=198.51.100.2 LEN=60', `SRC=${at('192.0.2.1')} DST=${at('198.51.100.2')} LEN=60`],
      ['192.0.2.1:443', `${at('192.0.2.1')}:443`],
      ['[2001:db8::1]:443', `[${at('2001:db8::1')}]:443`],
      ['[::ffff:192.0.2.1]:443', `[::ffff:${at('192.0.2.1')}]:443`],
      ['12:34:192.0.2.1 add:192.0.2.1', `12:34:${at('192.0.2.1')} add:${at('192.0.2.1')}`],
      ['fe80::1%eth0', `${at('fe80::1')}%eth0`],
      ['via 2001:db8::1: lost', `via ${at('2001:db8::1')}: lost`],
      ['host_192.0.2.1-x', `host_${at('192.0.2.1')}-x`],
      [
        '2026-11-21T14:17:35.257Z 1795284976.823000 6.18.44 [0:0]',
        '2026-11-21T14:17:35.257Z 1795284976.823000 6.18.44 [0:0]',
      ],
      ['-m tcp --dport 8080 -j DROP', '-m tcp --dport 8080 -j DROP'],
    ];
    for (const [before, after] of cases) expect(redact(before)).toBe(after);
  });

  it('writes IPv6 as long as it was', () => {
    const full = redact('SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST');
    expect(full).toMatch(/^SRC=(?:[0-9a-f]{4}:){7}[0-9a-f]{4} DST$/);
    expect(addressText(addressBytes(full.slice(4, 43))!)).toBe(at('2001:db8::1'));
  });

  it('keeps networks networks, and netmasks', () => {
    expect(redact('-s 198.51.0.0/16')).toMatch(/^-s \d+\.\d+\.0\.0\/16$/);
    expect(redact('-s 198.51.0.0/255.255.0.0')).toMatch(/^-s \d+\.\d+\.0\.0\/255\.255\.0\.0$/);
    expect(redact('2001:db8::/32')).toMatch(/^[0-9a-f]+:[0-9a-f]+::\/32$/);
    const [network, host] = [redact('203.0.113.0/24'), redact('203.0.113.7')];
    expect(network.split('.').slice(0, 3)).toEqual(host.split('.').slice(0, 3));
  });

  it('changes link addresses alone and in the header of a LOG line, alike', () => {
    const line = redact('MAC=00:00:5e:00:53:02:00:00:5e:00:53:01:08:00 SRC');
    const [to, from] = [redact('00:00:5e:00:53:02'), redact('00:00:5e:00:53:01')];
    expect(line).toBe(`MAC=${to}:${from}:08:00 SRC`);
    expect(to).not.toContain('53:02');
    expect(redact('ff:ff:ff:ff:ff:ff 33:33:00:00:00:01')).toBe('ff:ff:ff:ff:ff:ff 33:33:00:00:00:01');
  });

  it('leaves no name of the host, and short ones only where no name stands', () => {
    expect(redact('Nov 21 18:16:20.1 gw-berlin kernel: x GW-Berlin.example.org')).not.toMatch(/berlin/i);
    expect(redact('host vm\nLinux vm 6.1\nvm 2\nNov  1 18:16:20 vm kernel: vm\n')).toMatch(
      /^host host-\w+\nLinux host-\w+ 6\.1\nvm 2\nNov {2}1 18:16:20 host-\w+ kernel: vm\n$/,
    );
  });

  it('never throws, and leaves no address whole, on any text around it', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const text = `${before} 203.0.113.77 ${after} 2001:db8:77::9 ${before}`;
        expect(redact(text)).not.toMatch(/203\.0\.113\.77|2001:db8:77::9/);
      }),
    );
  });

  it('is undone by the key file, which is read back as written', () => {
    const redactor = openRedactor(openPseudonyms(KEY), ['gw']);
    const told = redactor.change('192.0.2.1 and 2001:db8::1 and 198.51.0.0/16');
    const file = readKeyFile(writeKeyFile({ key: KEY, made: redactor.made }))!;
    expect(Buffer.from(file.key).equals(KEY)).toBe(true);
    expect(told.split(' and ').map((one) => file.made.get(one.split('/')[0]!))).toEqual([
      '192.0.2.1',
      '2001:db8::1',
      '198.51.0.0',
    ]);
    expect(readKeyFile('something else')).toBeNull();
  });
});

describe('a redacted host', () => {
  it.each(['finwait-deleted', 'nat-bypassed'])('gets the answer of the real one: %s', async (name) => {
    const from = join(REPOSITORY, 'fixtures/hosts', name);
    const folder = mkdtempSync(join(tmpdir(), 'ctwhy-redacted-'));
    try {
      const redactor = openRedactor(pseudonyms, ['client', 'firewall']);
      for (const file of readdirSync(from)) {
        const told = redactor.change(readFileSync(join(from, file), 'latin1'));
        writeFileSync(join(folder, file), Buffer.from(told, 'latin1'));
      }
      const [real, redacted] = await Promise.all([explained(from), explained(folder)]);
      expect(redacted.map(({ flow, ...rest }) => rest)).toEqual(real.map(({ flow, ...rest }) => rest));
      expect(real.length).toBeGreaterThan(0);
      const [src] = redacted.map(({ flow }) => flow!.src);
      expect(src).not.toBe(real[0]!.flow!.src);
      expect(redactor.made.get(src!)).toBe(real[0]!.flow!.src);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  async function explained(path: string) {
    const { stdout } = await runCommand(['explain', '-r', path, '--json']);
    const { findings } = JSON.parse(stdout) as {
      findings: {
        class: string;
        cause: string;
        confidence: string;
        droppedBy: { chain: string; rule: number } | null;
        flow: { src: string } | null;
      }[];
    };
    return findings.map((one) => ({
      class: one.class,
      cause: one.cause,
      confidence: one.confidence,
      rule: one.droppedBy === null ? null : `${one.droppedBy.chain} ${one.droppedBy.rule}`,
      flow: one.flow,
    }));
  }
});
