// Prose and commands on narrow lines: nothing lost, nothing too wide, commands still the same commands.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, headOf, padColumns } from '../../../src/text/display-width.js';
import { wrapCommand, wrapText } from '../../../src/text/wrap.js';

describe('prose', () => {
  it('hangs below its first line', () => {
    expect(wrapText('one two three', 9, '- ')).toEqual(['- one two', '  three']);
  });

  it('breaks a word that is longer than a line, and loses nothing of it', () => {
    expect(wrapText('averyveryverylongword x', 8)).toEqual(['averyver', 'yverylon', 'gword x']);
  });

  it('keeps blanks within a line as they are', () => {
    expect(wrapText('a  b --comment "x  y"', 80)).toEqual(['a  b --comment "x  y"']);
  });

  it('never passes the width and never loses a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 16, max: 120 }), (text, width) => {
        const lines = wrapText(text, width, '  ');
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
        expect(lines.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
      }),
    );
  });
});

describe('a command', () => {
  const COMMAND =
    "iptables -I OUTPUT 1 -p tcp --sport 47244 -m comment --comment 'two words; and a third' -j ACCEPT; conntrack -L > a.txt";

  it('is the same for a shell when its lines are joined', () => {
    for (let width = 40; width < 140; width++) {
      const lines = wrapCommand(COMMAND, width, '    ');
      expect(
        lines
          .join('\n')
          .replace(/ \\\n +/g, ' ')
          .replace(/;\n +/g, '; ')
          .trim(),
      ).toBe(COMMAND);
      expect(lines.filter((line) => line.length > width)).toEqual([]);
    }
  });

  it('puts a remark on lines that are remarks each: nothing of it runs when it is pasted', () => {
    expect(wrapCommand('nft monitor trace > trace.txt # then, at the end: nft delete table inet t', 34, '  ')).toEqual([
      '  nft monitor trace > trace.txt',
      '  # then, at the end: nft delete',
      '  # table inet t',
    ]);
    expect(wrapCommand("printf '%s' 'a # b' and more words", 24).join('\n')).not.toMatch(/^#/m);
  });

  it('keeps an option with its value and quoted text whole', () => {
    const lines = wrapCommand(COMMAND, 60);
    expect(lines.some((line) => line.includes("--comment 'two words; and a third'"))).toBe(true);
    expect(lines.join('\n')).toMatch(/-j ACCEPT;$/m);
  });
});

describe('columns', () => {
  it('counts wide characters twice and marks not at all', () => {
    expect([displayWidth('abc'), displayWidth('日本'), displayWidth('e\u0301')]).toEqual([3, 4, 1]);
    expect(headOf('日本語', 5)).toBe('日本');
    expect(padColumns('日', 4)).toBe('日  ');
  });
});
