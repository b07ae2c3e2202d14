import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNewFile } from '../../../src/host/new-file.js';
import { readManifestLine } from '../../../src/parsers/host/manifest-line.js';
import { partLine, secondsText } from '../../../src/survey/bundle/manifest.js';
import { assemble, beginMember } from '../../../src/survey/bundle/member-writer.js';
import { BUNDLE_PARTS, EVENTS_PART, HOST_STATEMENTS } from '../../../src/survey/bundle/parts.js';
import { bundleScript } from '../../../src/survey/bundle/script.js';
import { REPOSITORY } from '../../helpers/run-command.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ctwhy-tar-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the list of commands', () => {
  const all = [...BUNDLE_PARTS, EVENTS_PART];

  it('has words that mean the same to a shell', () => {
    for (const command of [...all.flatMap(({ commands }) => commands), ...HOST_STATEMENTS.map((one) => one.command)])
      for (const word of command) expect(word).toMatch(/^[\w./,=^-]+$/);
  });

  it('names each file once', () => {
    const files = all.map(({ stem, ending }) => `${stem}.${ending}`);
    expect(new Set(files).size).toBe(files.length);
  });

  it('asks legacy programs and nft only where tables are', () => {
    for (const { commands, need } of all)
      if (/tables|^nft|^ipset|^conntrack/.test(commands[0]![0])) expect(need).not.toBeNull();
  });
});

describe('the script', () => {
  const frame = readFileSync(join(REPOSITORY, 'src/survey/bundle/frame.sh'), 'utf8');
  const script = bundleScript(frame, { forSeconds: 60, madeBy: "it's 1.0" });

  it('holds every command, leaves no place open, and is right for sh', () => {
    for (const { commands } of BUNDLE_PARTS)
      for (const command of commands) expect(script.replaceAll("'", '')).toContain(` ${command.join(' ')}`);
    expect(script).not.toMatch(/^#=/m);
    expect(script).toContain("made_by='it'\\''s 1.0 (script)'");
    const path = join(folder, 'script.sh');
    writeFileSync(path, script);
    execFileSync('sh', ['-n', path]);
  });

  it('does nothing when it was cut', () => {
    const path = join(folder, 'cut.sh');
    for (const share of [0.3, 0.6, 0.9, 0.99]) {
      writeFileSync(path, script.slice(0, Math.floor(script.length * share)));
      try {
        execFileSync('sh', [path], { cwd: folder, env: { ...process.env, TMPDIR: folder }, stdio: 'ignore' });
      } catch {}
      expect(readdirSync(folder).filter((name) => /tar$|collect/.test(name))).toEqual([]);
    }
  });
});

describe('a line of the manifest', () => {
  it('is read back as it was written, whatever a program complained of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 2e15 }), (error, at) => {
        const line = partLine({
          file: 'ss.txt',
          startedAtUs: at,
          endedAtUs: at + 5,
          exitStatus: 1,
          moment: 'before',
          error,
          command: 'ss -tan',
        });
        expect(readManifestLine(line)).toMatchObject({
          kind: 'part',
          startedAtUs: at,
          endedAtUs: at + 5,
          error: error.trim() === '' ? null : error.trim().replace(/\s+/g, ' '),
          command: 'ss -tan',
        });
      }),
    );
  });

  it('keeps microseconds', () => expect(secondsText(1795269922000079)).toBe('1795269922.000079'));
});

describe('the tar', () => {
  it('holds what was kept, not what was dropped, and tar agrees', () => {
    const [path, bodyPath] = [join(folder, 'a.tar'), join(folder, 'body')];
    const archive = openNewFile(path, `${path}.new`);
    const body = openNewFile(bodyPath, bodyPath);
    const contents = ['', 'a\n', 'x'.repeat(511), 'y'.repeat(512), 'z'.repeat(70_000)];
    for (const [at, content] of contents.entries()) {
      const dropped = beginMember(body, 'dropped', null);
      dropped.append(Buffer.from('gone'));
      dropped.drop();
      const member = beginMember(body, `file-${at}`, null);
      member.append(Buffer.from(content.slice(0, 5)));
      member.append(Buffer.from(content.slice(5)));
      member.keep(1_795_269_922_000_000);
    }
    assemble(archive, 'ctwhy-bundle 1\n', body, 0);
    archive.publish({ replaces: false });
    body.discard();
    const list = execFileSync('tar', ['tf', path], { encoding: 'utf8' });
    expect(list).toBe(`MANIFEST\n${contents.map((_, at) => `file-${at}\n`).join('')}`);
    for (const [at, content] of contents.entries())
      expect(execFileSync('tar', ['xOf', path, `file-${at}`], { encoding: 'utf8' })).toBe(content);
    const second = openNewFile(path, `${path}.new`);
    expect(() => second.publish({ replaces: false })).toThrow('is there already');
    second.discard();
    expect(readdirSync(folder).filter((name) => /new$|body/.test(name))).toEqual([]);
  });

  it('hands whole lines to what changes them, in whatever pieces they come', () => {
    const text = 'one two\nthree\n\nfour';
    const mark = (lines: string) => lines.replaceAll(/^(.+)$/gm, '<$1>');
    for (let size = 1; size <= text.length; size++) {
      const path = join(folder, 'lines');
      const body = openNewFile(path, path);
      const member = beginMember(body, 'm', mark);
      for (let at = 0; at < text.length; at += size) member.append(Buffer.from(text.slice(at, at + size)));
      member.keep(0);
      const bytes = Buffer.concat([...body.pieces()])
        .subarray(512)
        .toString();
      body.discard();
      expect(bytes.replaceAll('\0', '')).toBe(mark(text));
    }
  });
});
