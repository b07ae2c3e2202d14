// Equality of stretches of bytes, four at a time: a call into native code would cost more than the comparing.

/** Whether a[at, at + length) equals b[bt, bt + length). Both stretches lie inside their views. */
export function sameBytes(a: DataView, at: number, b: DataView, bt: number, length: number): boolean {
  const whole = length & ~3;
  let i = 0;
  for (; i < whole; i += 4) if (a.getInt32(at + i) !== b.getInt32(bt + i)) return false;
  for (; i < length; i++) if (a.getUint8(at + i) !== b.getUint8(bt + i)) return false;
  return true;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
