// Puts files into the body of a tar whose sizes are known only when they are written.

import type { ScratchFile } from '../../host/new-file.js';
import { TAR_END, tarHeader, tarPadding } from './tar-format.js';

/** Changes a stretch of whole lines; bytes stand as latin1 characters. */
export type LineChange = (lines: string) => string;

export interface MemberWriter {
  append(bytes: Uint8Array): void;
  sizeBytes(): number;
  /** Keeps it as a member of the archive. */
  keep(modifiedAtUs: number): void;
  /** As if it had never been begun. */
  drop(): void;
}

/** Lines that never end are cut into stretches of this size. */
const LONGEST_LINE = 8 << 20;

/** Begins a member at the end of the body. @param change applied to its text; NULL: bytes as they are */
export function beginMember(body: ScratchFile, name: string, change: LineChange | null): MemberWriter {
  const from = body.sizeBytes();
  body.append(tarHeader(name, 0, 0));
  const start = body.sizeBytes();
  let held = '';
  const write = (text: string): void => {
    if (text !== '') body.append(Buffer.from(change!(text), 'latin1'));
  };
  return {
    append(bytes) {
      if (change === null) {
        body.append(bytes);
        return;
      }
      held += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
      const end = held.lastIndexOf('\n') + 1;
      if (end === 0 && held.length < LONGEST_LINE) return;
      const cut = end === 0 ? held.length : end;
      write(held.slice(0, cut));
      held = held.slice(cut);
    },
    sizeBytes: () => body.sizeBytes() - start + held.length,
    keep(modifiedAtUs) {
      write(held);
      held = '';
      const size = body.sizeBytes() - start;
      body.append(tarPadding(size));
      body.patch(from, tarHeader(name, size, modifiedAtUs));
    },
    drop: () => body.cutBack(from),
  };
}

/** The whole archive: the manifest, then the body. */
export function assemble(archive: ScratchFile, manifest: string, body: ScratchFile, atUs: number): void {
  const text = Buffer.from(manifest, 'latin1');
  archive.append(tarHeader('MANIFEST', text.length, atUs));
  archive.append(text);
  archive.append(tarPadding(text.length));
  for (const piece of body.pieces()) archive.append(piece);
  archive.append(TAR_END);
}
