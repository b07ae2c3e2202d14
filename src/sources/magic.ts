// Which container begins with these bytes? By content, never by name: logs are renamed, attachments lose their endings.

export type Container = 'gzip' | 'xz' | 'zstd' | 'bzip2' | 'lz4' | 'tar';

interface Magic {
  readonly at: number;
  readonly bytes: readonly number[];
}

const CONTAINERS: readonly (readonly [Container, Magic])[] = [
  ['gzip', { at: 0, bytes: [0x1f, 0x8b, 0x08] }],
  ['xz', { at: 0, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] }],
  ['zstd', { at: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd] }],
  ['bzip2', { at: 0, bytes: [0x42, 0x5a, 0x68] }],
  ['lz4', { at: 0, bytes: [0x04, 0x22, 0x4d, 0x18] }],
  ['tar', { at: 257, bytes: [0x75, 0x73, 0x74, 0x61, 0x72] }],
];

/** Binary files people attach that we cannot read, and what to send instead. */
const FOREIGN: readonly (readonly [Magic, string])[] = [
  [{ at: 0, bytes: [0x50, 0x4b, 0x03, 0x04] }, 'a zip archive: unpack it and name the folder'],
  [{ at: 0, bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] }, 'a 7-Zip archive: unpack it and name the folder'],
  [{ at: 0, bytes: [0x52, 0x61, 0x72, 0x21] }, 'a RAR archive: unpack it and name the folder'],
  [
    { at: 0, bytes: [0x4c, 0x50, 0x4b, 0x53, 0x48, 0x48, 0x52, 0x48] },
    "a journal file: send the output of 'journalctl -k -o export --file=FILE' instead",
  ],
  [
    { at: 0, bytes: [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20, 0x66, 0x6f, 0x72, 0x6d, 0x61, 0x74] },
    'a SQLite database: a store of ctwhy is named with --db',
  ],
  [{ at: 0, bytes: [0x7f, 0x45, 0x4c, 0x46] }, 'a program, not evidence'],
  [{ at: 0, bytes: [0x25, 0x50, 0x44, 0x46] }, 'a PDF document: save the text'],
  [{ at: 0, bytes: [0x89, 0x50, 0x4e, 0x47] }, 'a picture: send the text'],
  [{ at: 0, bytes: [0xff, 0xd8, 0xff] }, 'a picture: send the text'],
];

function begins(head: Uint8Array, { at, bytes }: Magic): boolean {
  return head.length >= at + bytes.length && bytes.every((byte, index) => head[at + index] === byte);
}

/** bzip2's 'BZh' is also three letters of text: it is followed by the block size and the digits of pi. */
function isBzip2(head: Uint8Array): boolean {
  const level = head[3] ?? 0;
  return level >= 0x31 && level <= 0x39 && (begins(head, { at: 4, bytes: [0x31, 0x41, 0x59] }) || head.length < 7);
}

/** Tar archives older than POSIX have no magic: the header's checksum decides. */
function isOldTar(head: Uint8Array): boolean {
  if (head.length < 512 || head[0] === 0) return false;
  const printed = Buffer.from(head.subarray(148, 156))
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim();
  if (!/^[0-7]{1,7}$/.test(printed)) return false;
  let sum = 8 * 0x20;
  for (let index = 0; index < 512; index++) if (index < 148 || index >= 156) sum += head[index] ?? 0;
  return sum === Number.parseInt(printed, 8);
}

/** @param head at least 512 bytes where there are as many. NULL: no container */
export function containerOf(head: Uint8Array): Container | null {
  for (const [container, magic] of CONTAINERS) {
    if (begins(head, magic) && (container !== 'bzip2' || isBzip2(head))) return container;
  }
  return isOldTar(head) ? 'tar' : null;
}

/** Why a binary file that is no container and no known form is of no use here, with what to do; NULL for text. */
export function foreignBinary(head: Uint8Array): string | null {
  for (const [magic, what] of FOREIGN) if (begins(head, magic)) return what;
  // A log of a crashed host has stretches of NUL; a binary file is full of control characters.
  let odd = 0;
  let zeros = 0;
  for (const byte of head) {
    if (byte === 0) zeros++;
    else if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b && byte !== 0x0c) odd++;
  }
  const written = head.length - zeros;
  if (written === 0) return head.length > 0 ? 'only zero bytes' : null;
  return odd * 10 > written ? 'a binary file of no known form' : null;
}
