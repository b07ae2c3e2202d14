import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { INCIDENTS } from '../record/incidents.js';
import { readProvenance } from '../record/provenance.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const HOSTS = join(FIXTURES, 'hosts');
const MAX_BYTES = 3_500_000;
const names = readdirSync(HOSTS);

const DOCUMENTATION_ADDRESS = /^(192\.0\.2|198\.51\.100|203\.0\.113)\./;
const OTHER_ADDRESS = /^(127\.|0\.0\.0\.0$|255\.|224\.|198\.51\.0\.0$|198\.51\.101\.0$)/;

function filesOf(name: string): string[] {
  return readdirSync(join(HOSTS, name));
}

function readFixture(name: string, file: string): string {
  const bytes = readFileSync(join(HOSTS, name, file));
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
}

describe('recorded hosts', () => {
  it('are those that the recorder plays, each with its truth', () => {
    const recorded = INCIDENTS.map((incident) => incident.name);
    // What was recorded on another kernel too carries its series behind the name: finwait-deleted-6.1.
    const played = new Set(names.map((name) => name.replace(/-\d+\.\d+$/, '')));
    expect([...played].toSorted()).toEqual(recorded.toSorted());
    expect(Object.keys(readProvenance(FIXTURES)).toSorted()).toEqual(names.toSorted());
    for (const incident of INCIDENTS) {
      expect(readProvenance(FIXTURES)[incident.name]?.truth).toEqual(incident.truth);
    }
  });

  it('stay small', () => {
    const bytes = names.flatMap((name) => filesOf(name).map((file) => statSync(join(HOSTS, name, file)).size));
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(MAX_BYTES);
  });

  it.each(names)('%s: the manifest names every file, in its form', (name) => {
    const manifest = readFixture(name, 'MANIFEST').trimEnd().split('\n');
    expect(manifest[0]).toBe('ctwhy-bundle 1');
    const parts = manifest.filter((line) => line.startsWith('part ')).map((line) => line.split(' ')[1] ?? '');
    expect([...parts, 'MANIFEST'].toSorted()).toEqual(filesOf(name).toSorted());
    for (const line of manifest.slice(1)) {
      expect(line).toMatch(
        /^(host [a-z]+|kernel [\d.]+|boot-id [0-9a-f-]{36}|boot-time \d+\.\d{6} \d+\.\d{6}|timezone \+0000|netns \w+ \d+|uptime \d+\.\d{6} at \d+\.\d{6}|note .+|part \S+ start=\d+\.\d{6} end=\d+\.\d{6} exit=\d+( moment=(before|during|after))?( error="(\\.|[^"\\])*")? command=.+|coverage [\w:-]+ state=[a-z-]+( from=\d+\.\d{6} to=\d+\.\d{6})?( why="[^"]*")?|ran \d+\.\d{6} .+)$/,
      );
    }
  });

  it.each(names)('%s: names no path of the recording machine and no address of a real network', (name) => {
    for (const file of filesOf(name)) {
      const text = readFixture(name, file);
      expect(text, file).not.toMatch(/(^|[\s"'=])\/(work|root|home|tmp|usr)\//);
      if (file.endsWith('.pcap')) continue;
      const addresses = new Set(text.match(/(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/g));
      for (const address of addresses) {
        expect(DOCUMENTATION_ADDRESS.test(address) || OTHER_ADDRESS.test(address), `${file}: ${address}`).toBe(true);
      }
    }
  });

  it('are described in README.md', () => {
    expect(existsSync(join(FIXTURES, 'README.md'))).toBe(true);
    const readme = readFileSync(join(FIXTURES, 'README.md'), 'utf8');
    for (const name of names) expect(readme).toContain(`\n## ${name}\n`);
  });
});
