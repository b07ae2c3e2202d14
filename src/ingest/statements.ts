// What manifests, and lines like uname's, state about hosts and files, looked up by the files they speak about.

import type { BundleStatement } from '../model/record.js';

export type PartStatement = Extract<BundleStatement, { kind: 'part' }>;
export type CoverageStatement = Extract<BundleStatement, { kind: 'coverage' }>;
export type RanStatement = Extract<BundleStatement, { kind: 'ran' }>;
type HostKey = Extract<BundleStatement, { kind: 'host' }>['key'];

export interface SourcePlace {
  readonly input: string;
  readonly path: string;
}

export interface Scope {
  /** The input and folder a manifest lies in: it speaks about what is below. */
  readonly input: string;
  readonly folder: string;
  readonly values: ReadonlyMap<HostKey, string>;
  readonly coverage: readonly CoverageStatement[];
  readonly ran: readonly RanStatement[];
}

export interface Statements {
  add(from: SourcePlace, statement: BundleStatement): void;
  /** The nearest manifest's word on a source; NULL where none says it. */
  value(place: SourcePlace, key: HostKey): string | null;
  part(place: SourcePlace): PartStatement | null;
  /** When the first part of a moment was begun; NULL: no manifest tells. */
  momentBeganUs(place: SourcePlace, moment: string): number | null;
  /** Files a manifest lists. The engine compares them with what was there. */
  parts(): readonly { readonly scope: Scope; readonly part: PartStatement }[];
  scopes(): readonly Scope[];
}

interface OpenScope extends Scope {
  readonly values: Map<HostKey, string>;
  readonly parts: Map<string, PartStatement>;
  readonly coverage: CoverageStatement[];
  readonly ran: RanStatement[];
}

/** sosreport keeps what it read below these folders of one host: a file there speaks for the folder that holds them. */
const HOST_FOLDERS = /(^|\/)(sos_commands|etc|proc|sys|var)\/.*$/;

function folderOf(path: string): string {
  const ofHost = HOST_FOLDERS.exec(path);
  if (ofHost !== null) return path.slice(0, ofHost.index);
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function openStatements(): Statements {
  const scopes: OpenScope[] = [];

  const scopeOf = (from: SourcePlace): OpenScope => {
    const folder = folderOf(from.path);
    const known = scopes.find((scope) => scope.input === from.input && scope.folder === folder);
    if (known !== undefined) return known;
    const scope: OpenScope = { input: from.input, folder, values: new Map(), parts: new Map(), coverage: [], ran: [] };
    scopes.push(scope);
    return scope;
  };
  /** Scopes that hold a source, the nearest first. */
  const around = ({ input, path }: SourcePlace): readonly OpenScope[] =>
    scopes
      .filter((scope) => scope.input === input && (scope.folder === '' || path.startsWith(`${scope.folder}/`)))
      .sort((a, b) => b.folder.length - a.folder.length);

  return {
    add(from, statement) {
      const scope = scopeOf(from);
      if (statement.kind === 'host') {
        if (!scope.values.has(statement.key)) scope.values.set(statement.key, statement.value);
      } else if (statement.kind === 'part') scope.parts.set(statement.file, statement);
      else if (statement.kind === 'coverage') scope.coverage.push(statement);
      else scope.ran.push(statement);
    },
    value(place, key) {
      for (const scope of around(place)) {
        const value = scope.values.get(key);
        if (value !== undefined) return value;
      }
      return null;
    },
    part(place) {
      for (const scope of around(place)) {
        const below = scope.folder === '' ? place.path : place.path.slice(scope.folder.length + 1);
        const part = scope.parts.get(below) ?? scope.parts.get(`./${below}`);
        if (part !== undefined) return part;
      }
      return null;
    },
    momentBeganUs(place, moment) {
      const times = around(place)
        .flatMap((scope) => [...scope.parts.values()])
        .filter((part) => part.moment === moment)
        .map((part) => part.startedAtUs ?? part.endedAtUs)
        .filter((at) => at !== null);
      return times.length === 0 ? null : times.reduce((least, at) => Math.min(least, at));
    },
    parts: () => scopes.flatMap((scope) => [...scope.parts.values()].map((part) => ({ scope, part }))),
    scopes: () => scopes,
  };
}
