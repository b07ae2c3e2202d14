// Does every entry of the catalogue prove itself? Samples against formats in both directions, ranges, sources, ids.

import { describe, expect, it } from 'vitest';
import { REASONS } from '../../src/catalogue/all-reasons.js';
import { compareReleases, type VersionRange } from '../../src/catalogue/kernel-version.js';
import { createMessageCatalogue, type MessageKind } from '../../src/catalogue/match-message.js';
import type { MessageChannel, Reason } from '../../src/catalogue/reason.js';

const KIND: Readonly<Record<MessageChannel, MessageKind>> = {
  'log-invalid': 'log-invalid',
  helper: 'helper',
  debug: 'debug',
  printk: 'notice',
};
const formats = REASONS.flatMap((reason) => reason.formats.map((format) => ({ reason, format })));
const samples = formats.flatMap(({ reason, format }) => format.samples.map((sample) => ({ reason, format, sample })));
const whole = createMessageCatalogue();
const alone = new Map(REASONS.map((reason) => [reason.id, createMessageCatalogue([reason])]));

function isOrdered(range: VersionRange): boolean {
  const steps = [range.maybeSince, range.since, range.until, range.maybeUntil].filter(
    (step) => typeof step === 'string',
  );
  return steps.every((step, index) => index === 0 || compareReleases(steps[index - 1] ?? step, step) <= 0);
}

function overlap(a: VersionRange, b: VersionRange): boolean {
  const startsAfter = (one: VersionRange, other: VersionRange): boolean =>
    one.since !== null && other.until !== null && compareReleases(one.since, other.until) > 0;
  return !startsAfter(a, b) && !startsAfter(b, a);
}

describe('every entry of the catalogue', () => {
  it('has an id of its own, lower case with hyphens', () => {
    expect(new Set(REASONS.map((reason) => reason.id)).size).toBe(REASONS.length);
    for (const reason of REASONS) expect(reason.id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)+$/);
  });

  it('cites a kernel file, a function and a version', () => {
    for (const { id, source } of REASONS) {
      expect(source.file, id).toMatch(/\.c$/);
      expect(source.function, id).toMatch(/\w\(\)/);
      expect(source.version, id).toMatch(/^\d+\.\d+(?:\.\d+)?$/);
    }
  });

  it('says what it is, how it is seen, what causes it and what to check', () => {
    for (const reason of REASONS) {
      expect(reason.condition.length, reason.id).toBeGreaterThan(20);
      expect(reason.howSeen, reason.id).not.toBe('');
      expect(reason.likelyCauses, reason.id).not.toHaveLength(0);
      expect(reason.checks, reason.id).not.toHaveLength(0);
    }
  });

  it('has a wording exactly when it is not silent in every version', () => {
    for (const reason of REASONS) {
      const isEverShown = [reason.evidence, ...reason.evidenceByVersion.map((entry) => entry.evidence)].some(
        (evidence) => evidence !== 'silent',
      );
      expect(reason.formats.length > 0, reason.id).toBe(isEverShown);
    }
  });

  it('has ranges whose ends are in order', () => {
    for (const reason of REASONS) {
      const ranges = [reason.versions, ...reason.formats.map((format) => format.versions)];
      for (const range of ranges) expect(isOrdered(range), `${reason.id} ${JSON.stringify(range)}`).toBe(true);
    }
  });

  it('never has two outcomes, or two kinds of evidence, for one release', () => {
    const contradictions = (reason: Reason, ranges: readonly VersionRange[]): string[] =>
      ranges.flatMap((a, i) => ranges.slice(i + 1).flatMap((b) => (overlap(a, b) ? [reason.id] : [])));
    for (const reason of REASONS) {
      expect(
        contradictions(
          reason,
          reason.outcomeByVersion.map((entry) => entry.versions),
        ),
      ).toEqual([]);
      expect(
        contradictions(
          reason,
          reason.evidenceByVersion.map((entry) => entry.versions),
        ),
      ).toEqual([]);
    }
  });

  it('states today as the last of its changes', () => {
    for (const reason of REASONS) {
      const now = reason.outcomeByVersion.find((entry) => entry.versions.until === null);
      if (now !== undefined) expect(reason.outcome, reason.id).toBe(now.outcome);
      const shown = reason.evidenceByVersion.find((entry) => entry.versions.until === null);
      if (shown !== undefined) expect(reason.evidence, reason.id).toBe(shown.evidence);
    }
  });
});

describe('samples and formats', () => {
  it.each(samples)('$reason.id is what "$sample" matches', ({ reason, format, sample }) => {
    const found = whole.match(sample, KIND[format.channel]);
    expect([found?.reasonId, ...(found?.alternatives ?? [])]).toContain(reason.id);
    expect(found?.fit).toBe('whole');
  });

  it('no sample matches an entry that does not say that it shares the words', () => {
    // Debug lines stand behind function names that may be taken off; there the entry that needs the fewest taken off wins.
    const undecorated = samples.filter(({ format }) => format.channel !== 'debug');
    const strangers = undecorated.flatMap(({ reason, format, sample }) =>
      REASONS.filter((other) => other !== reason && !format.sharedWith.includes(other.id)).flatMap((other) =>
        alone.get(other.id)?.match(sample, KIND[format.channel])?.fit === 'whole'
          ? [`${sample} is also ${other.id}`]
          : [],
      ),
    );
    expect(strangers).toEqual([]);
  });

  it('each format is proved by a sample of its own', () => {
    for (const { reason, format } of formats) {
      const only = createMessageCatalogue([{ ...reason, formats: [format] }]);
      const proofs = format.samples.filter((sample) => only.match(sample, KIND[format.channel]) !== null);
      expect(proofs.length, `${reason.id}: ${format.text}`).toBeGreaterThan(0);
    }
  });

  it('shared words are declared by all that share them', () => {
    for (const { reason, format } of formats) {
      for (const id of format.sharedWith) {
        const other = REASONS.find((candidate) => candidate.id === id);
        const twin = other?.formats.find((candidate) => candidate.text === format.text);
        expect(twin?.sharedWith, `${reason.id} and ${id}`).toContain(reason.id);
      }
    }
  });
});
