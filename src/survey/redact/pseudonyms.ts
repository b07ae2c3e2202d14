// Names in place of addresses, the same for the same address wherever it stands, made from a key. Two addresses that share a prefix
// share it under their pseudonyms, too, and private stays private: rules, routes and listings mean the same as before.

import { createHmac } from 'node:crypto';
import { addressBytes, addressText } from '../../text/address-bytes.js';

export interface Pseudonyms {
  /** Of 4 or 16 bytes, as many bytes. */
  address(bytes: readonly number[]): readonly number[];
  /** Of the six bytes of a link address. Group addresses and zeros stay. */
  linkAddress(bytes: readonly number[]): readonly number[];
  hostName(name: string): string;
}

interface Kept {
  readonly bytes: readonly number[];
  readonly length: number;
  /** All of it stays as it is, not only its prefix. */
  readonly isWhole: boolean;
}

/** Prefixes whose meaning must not be lost: what lies in them stays in them, what lies outside stays outside (RFC 6890). */
const KEPT: readonly Kept[] = [
  ...['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'].map((one) =>
    kept(one, false),
  ),
  // 224.0.0.0/3 holds groups, the broadcast address and every netmask.
  ...['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'].map((one) => kept(one, true)),
  ...['2000::/3', 'fc00::/7', 'fe80::/64', 'ff02::1:ff00:0/104'].map((one) => kept(one, false)),
  ...['::/128', '::1/128', 'ff00::/8'].map((one) => kept(one, true)),
];

function kept(prefix: string, isWhole: boolean): Kept {
  const [network, length] = prefix.split('/');
  return { bytes: addressBytes(network!)!, length: Number(length), isWhole };
}

const bitOf = (bytes: readonly number[], at: number): number => (bytes[at >> 3]! >> (7 - (at & 7))) & 1;

function sharesBits(a: readonly number[], b: readonly number[], bits: number): boolean {
  for (let at = 0; at < bits; at++) if (bitOf(a, at) !== bitOf(b, at)) return false;
  return true;
}

/** NAT64's well-known prefix: an IPv4 address stands behind it (RFC 6052). */
const NAT64 = kept('64:ff9b::/96', false);

/** @param key 32 secret bytes: whoever has them can undo all of this */
export function openPseudonyms(key: Uint8Array): Pseudonyms {
  const addresses = new Map<string, readonly number[]>();
  const secret = (what: string, text: string): Buffer => createHmac('sha256', key).update(`${what} ${text}`).digest();

  /** Flips each bit or not, as the key and all bits before it say: so a prefix depends on itself alone (Xu et al., Crypto-PAn, 2002). */
  const permute = (bytes: readonly number[]): readonly number[] => {
    const own = KEPT.filter((one) => one.bytes.length === bytes.length);
    const inside = own.filter((one) => sharesBits(one.bytes, bytes, one.length)).sort((a, b) => b.length - a.length)[0];
    if (inside?.isWhole === true) return bytes;
    const from = inside?.length ?? 0;
    const result = [...bytes];
    for (let byte = from >> 3; byte < bytes.length; byte++) {
      // 255 inner nodes of the tree over one byte, a bit for each.
      const flips = secret(`v${bytes.length}`, bytes.slice(0, byte).join('.'));
      let node = 1;
      for (let bit = 0; bit < 8; bit++) {
        const at = byte * 8 + bit;
        const isOnTheWay = at < from || own.some((one) => one.length > at && sharesBits(one.bytes, bytes, at));
        if (!isOnTheWay) result[byte]! ^= ((flips[node >> 3]! >> (node & 7)) & 1) << (7 - bit);
        node = node * 2 + bitOf(bytes, at);
      }
    }
    return result;
  };

  return {
    address(bytes) {
      const text = bytes.join('.');
      const known = addresses.get(text);
      if (known !== undefined) return known;
      const isNat64 = bytes.length === 16 && sharesBits(NAT64.bytes, bytes, NAT64.length);
      const made = isNat64 ? [...bytes.slice(0, 12), ...permute(bytes.slice(12))] : permute(bytes);
      addresses.set(text, made);
      return made;
    },
    linkAddress(bytes) {
      if ((bytes[0]! & 1) === 1 || bytes.every((byte) => byte === 0)) return bytes;
      const made = [...secret('mac', bytes.join('.')).subarray(0, 6)];
      // Locally administered, not a group: no vendor is named.
      return [(made[0]! & 0xfc) | 2, ...made.slice(1)];
    },
    hostName: (name) => `host-${secret('host', name.toLowerCase()).toString('hex').slice(0, 8)}`,
  };
}

/** Text of an address: 'full' as the kernel's log prints IPv6, in eight groups of four digits. */
export function writeAddress(bytes: readonly number[], isFull: boolean): string {
  if (bytes.length === 4 || !isFull) return addressText(bytes);
  const hex = Buffer.from(bytes).toString('hex');
  return hex.match(/..../g)!.join(':');
}
