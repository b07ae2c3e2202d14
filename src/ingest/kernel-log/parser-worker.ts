// Entry of the thread that parses kernel logs: chunks in, batches out, each request answered in order.

import { workerData } from 'node:worker_threads';
import { keepHeapSmall } from '../small-heap.js';
import { parseSlow } from './parse-slow.js';
import { openParserHere } from './parser.js';
import { type Answer, CHUNK_BYTES, type Request, type ThreadData } from './parser-thread.js';

keepHeapSmall();
const { start, port, answered, chunks } = workerData as ThreadData;

const answer = (message: Answer, moved: ArrayBuffer[] = []): void => {
  port.postMessage(message, moved);
};

const parser = openParserHere(start, parseSlow, {
  onBatch: (batch) => answer({ kind: 'batch', batch }, [batch.numbers.buffer as ArrayBuffer]),
  onForeign: (text, line) => answer({ kind: 'foreign', text, line }),
  onUnread: (line, reason, at) => answer({ kind: 'unread', line, reason, at }),
});

const serve = (request: Request): void => {
  if (request.kind === 'chunk')
    parser.feed(chunks.subarray(request.slot * CHUNK_BYTES, request.slot * CHUNK_BYTES + request.length));
  else if (request.kind === 'end') parser.end();
  if (request.kind !== 'chunk') {
    const { bytes, state } = parser.pause();
    answer({ kind: 'state', counts: parser.counts(), stretches: parser.stretches(), bytes, state });
  }
};

port.on('message', (request: Request) => {
  // The caller sleeps: an error that only ended the thread would reach nobody.
  try {
    serve(request);
  } catch (fault) {
    answer({ kind: 'fault', message: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault) });
  }
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
  if (request.kind === 'end') port.close();
});
