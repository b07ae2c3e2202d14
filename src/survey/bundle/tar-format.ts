// The bytes of a tar archive around its files: POSIX ustar, names below 100 bytes, which is all a bundle needs.

const BLOCK = 512;
/** Octal digits that fit the field of the size: beyond, GNU's base-256 form is used. */
const MOST_OCTAL = 8 ** 11 - 1;

/** @param name at most 100 bytes of ASCII @param sizeBytes of the content that follows */
export function tarHeader(name: string, sizeBytes: number, modifiedAtUs: number): Uint8Array {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100, 'latin1');
  header.write('0000600\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  if (sizeBytes <= MOST_OCTAL) header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
  header.write(
    `${Math.floor(modifiedAtUs / 1e6)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
    'latin1',
  );
  header.write('        0', 148, 'latin1');
  header.write('ustar\u000000root', 257, 'latin1');
  header.write('root', 297, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Zero bytes that fill a content up to whole blocks. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export const TAR_END: Uint8Array = Buffer.alloc(2 * BLOCK);
