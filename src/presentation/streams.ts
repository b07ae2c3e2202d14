// Where output goes, and what may be done there: width, colour, whether a person is looking. Asked here, never of the process.

import type { WriteStream } from 'node:tty';

export interface OutputStream {
  /** Writes text as it is. After the reader has gone (a closed pipe) it quietly does nothing. */
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly isColoured: boolean;
  /** Columns of the terminal; COLUMNS or 80 elsewhere. */
  readonly width: number;
  /** Settles when everything written has left the process. */
  flushed(): Promise<void>;
  /** The reader closed its end. */
  isClosed(): boolean;
  /** The stream itself, for what draws on a terminal; absent in memory. */
  readonly native?: NodeJS.WritableStream;
}

export interface Streams {
  readonly out: OutputStream;
  readonly err: OutputStream;
}

export interface ColourWish {
  /** --color=always|never|auto; --no-color is never. */
  readonly option: 'always' | 'never' | 'auto';
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Order of precedence: option, NO_COLOR (not empty), FORCE_COLOR, TERM=dumb, terminal. */
export function wantsColour({ option, environment }: ColourWish, isTerminal: boolean): boolean {
  if (option !== 'auto') return option === 'always';
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  const force = environment['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0';
  return isTerminal && environment['TERM'] !== 'dumb';
}

/** An output stream over one of the process's own. */
export function processStream(stream: WriteStream | NodeJS.WriteStream, wish: ColourWish): OutputStream {
  let hasEnded = false;
  // Pipes are written synchronously; the error event comes a tick later, after a loop that never waits.
  const isClosed = () => hasEnded || stream.errored !== null;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // EIO: the terminal has gone, with the SSH session it was of.
    if (error.code !== 'EPIPE' && error.code !== 'EIO' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    hasEnded = true;
  });
  const isTerminal = stream.isTTY === true;
  const columns = Number(wish.environment['COLUMNS']);
  return {
    write(text) {
      if (!isClosed() && text !== '') stream.write(text);
    },
    isTerminal,
    isColoured: wantsColour(wish, isTerminal),
    width:
      isTerminal && stream.columns > 0 ? stream.columns : Number.isInteger(columns) && columns >= 20 ? columns : 80,
    flushed: () => new Promise((resolve) => (isClosed() ? resolve() : void stream.write('', () => resolve()))),
    isClosed,
    native: stream,
  };
}

/** A stream into memory, for tests and for documents that become a file. */
export function memoryStream(
  options: { readonly isTerminal?: boolean; readonly isColoured?: boolean; readonly width?: number } = {},
): OutputStream & { text(): string } {
  const parts: string[] = [];
  return {
    write: (text) => void parts.push(text),
    isTerminal: options.isTerminal ?? false,
    isColoured: options.isColoured ?? false,
    width: options.width ?? 80,
    flushed: async () => {},
    isClosed: () => false,
    text: () => parts.join(''),
  };
}
