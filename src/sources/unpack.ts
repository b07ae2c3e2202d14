// Takes the compression off a stream, layer by layer: gzip in this process, the others by their own programs.

import { PassThrough, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HostError, type ReadHost } from '../host/host.js';
import { type Container, containerOf } from './magic.js';
import { peek } from './peek.js';
import { type ByteChunks, SourceError } from './source.js';

const PROGRAMS: Readonly<
  Record<Exclude<Container, 'tar' | 'gzip'>, { readonly program: string; readonly args: readonly string[] }>
> = {
  xz: { program: 'xz', args: ['-dc'] },
  zstd: { program: 'zstd', args: ['-dcq'] },
  bzip2: { program: 'bzip2', args: ['-dc'] },
  lz4: { program: 'lz4', args: ['-dc'] },
};
const MOST_LAYERS = 4;
/** With an error zlib drops what it had inflated since it last handed something on: no more than this is lost then. */
const INFLATED_BYTES = 16 << 10;

export interface Unpacked {
  /** What was taken off, outermost first: ['gzip']. */
  readonly layers: readonly Container[];
  readonly isTar: boolean;
  /** First 512 bytes or all there is. */
  readonly head: Uint8Array;
  readonly chunks: ByteChunks;
}

/**
 * The stream without compression.
 * @param maxBytes more than this after decompression is refused (a bomb)
 * @throws SourceError when the program for a compression is not installed; broken data is thrown by the stream itself,
 *   after what could be read
 */
export async function unpack(host: ReadHost, name: string, chunks: ByteChunks, maxBytes: number): Promise<Unpacked> {
  const layers: Container[] = [];
  let now = await peek(chunks, 512);
  for (;;) {
    const container = containerOf(now.head);
    if (container === null || container === 'tar') {
      return {
        layers,
        isTar: container === 'tar',
        head: now.head,
        chunks: now.chunks,
      };
    }
    if (layers.length === MOST_LAYERS) throw new SourceError(`${name}: compressed more than ${MOST_LAYERS} times`);
    layers.push(container);
    const plain = container === 'gzip' ? gunzip(name, now.chunks) : decompressedBy(host, name, container, now.chunks);
    // Bounded below the look: a generator that was never begun would not close what lies below it.
    now = await peek(bounded(name, plain, maxBytes), 512);
  }
}

async function* bounded(name: string, chunks: ByteChunks, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes)
      throw new SourceError(`${name}: more than ${maxBytes} bytes after decompression; the rest was left out`);
    yield chunk;
  }
}

/** The input, remembering an error of its own: a stream that is piped swallows it otherwise. */
function feed(chunks: ByteChunks): { readonly readable: Readable; readonly failure: () => unknown } {
  let failure: unknown = null;
  async function* guarded(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      failure = error;
    }
  }
  return { readable: Readable.from(guarded(), { objectMode: false, highWaterMark: 1 << 20 }), failure: () => failure };
}

async function* gunzip(name: string, chunks: ByteChunks): AsyncGenerator<Uint8Array> {
  const input = feed(chunks);
  const output = new PassThrough({ highWaterMark: 4 << 20 });
  const inflate = createGunzip({ chunkSize: INFLATED_BYTES });
  let failure: unknown = null;
  inflate.on('error', (error) => {
    failure = error;
    output.end();
  });
  inflate.pipe(output);
  input.readable.pipe(inflate);
  try {
    for await (const chunk of output) yield chunk as Uint8Array;
  } finally {
    input.readable.destroy();
    inflate.destroy();
  }
  if (input.failure() !== null) throw input.failure();
  if (failure !== null)
    throw new SourceError(
      `${name}: the gzip data ends or breaks here (${messageOf(failure)}); what came before it was read`,
    );
}

async function* decompressedBy(
  host: ReadHost,
  name: string,
  container: keyof typeof PROGRAMS,
  chunks: ByteChunks,
): AsyncGenerator<Uint8Array> {
  const { program, args } = PROGRAMS[container];
  const input = feed(chunks);
  let running: ReturnType<ReadHost['pipe']>;
  try {
    running = host.pipe(program, args, { input: input.readable });
  } catch (error) {
    input.readable.destroy();
    if (!(error instanceof HostError) || error.kind !== 'missing') throw error;
    throw new SourceError(
      `${name} is compressed with ${container} and the program ${program} is not installed here: install it, or decompress the file elsewhere`,
    );
  }
  let isWhole = false;
  try {
    for await (const chunk of running.stdout) yield chunk as Uint8Array;
    isWhole = true;
  } finally {
    if (!isWhole) running.stop();
    input.readable.destroy();
  }
  const result = await running.ended;
  if (input.failure() !== null) throw input.failure();
  if (result.exitStatus !== 0) {
    const said = result.stderr.trim().split('\n')[0] ?? '';
    throw new SourceError(
      `${name}: ${program} could not read it to the end (${said === '' ? `exit status ${result.exitStatus}` : said}); what came before was read`,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
