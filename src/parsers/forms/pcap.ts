// Capture files: pcap and pcapng, whatever tool wrote them.

import { type ByteQueue, openByteQueue } from '../capture/byte-queue.js';
import { capturedFrame } from '../capture/captured-frame.js';
import { canDecode } from '../capture/decode-link.js';
import { openLosses } from '../capture/losses.js';
import { openNflogTimes } from '../capture/nflog-time.js';
import { type FrameReader, openPcapReader, pcapVariant } from '../capture/pcap-file.js';
import { isPcapng, openPcapngReader } from '../capture/pcapng-file.js';
import type { BinaryForm, BinaryReader, Emit } from '../form.js';

interface Unread {
  readonly line: number;
  readonly reason: string;
}

function openReader(emit: Emit, frames: FrameReader, queue: ByteQueue): BinaryReader {
  let packetNumber = 0;
  let isBroken = false;
  let hasEnded = false;
  const foreignTypes = new Set<number>();
  const losses = openLosses(emit);
  const nflogTime = openNflogTimes();

  const readAll = (): Unread[] => {
    const unread: Unread[] = [];
    while (!isBroken) {
      const next = frames.next(queue);
      if (next.is === 'waiting') break;
      if (next.is === 'skipped') continue;
      if (next.is === 'dropped') {
        losses.inAll(next.count, packetNumber);
        continue;
      }
      if (next.is === 'broken') {
        isBroken = true;
        unread.push({ line: packetNumber + 1, reason: next.reason });
        break;
      }
      packetNumber++;
      const { linkType } = next.frame;
      losses.before(next.droppedBefore ?? 0, next.frame.atUs, packetNumber);
      const captured = capturedFrame(next.frame, nflogTime);
      if (captured !== null) emit({ kind: 'captured-packet', line: packetNumber, captured });
      else if (canDecode(linkType)) unread.push({ line: packetNumber, reason: 'not what its link type says' });
      else if (!foreignTypes.has(linkType)) {
        foreignTypes.add(linkType);
        unread.push({ line: packetNumber, reason: `link type ${linkType} is not read` });
      }
    }
    return unread;
  };

  return {
    bytes(chunk) {
      if (isBroken || hasEnded) return [];
      queue.push(chunk);
      return readAll();
    },
    end() {
      if (hasEnded) return [];
      hasEnded = true;
      losses.end();
      if (isBroken || queue.length === 0) return [];
      return [
        { line: packetNumber + 1, reason: `the file ends within this packet (${queue.length} bytes of it are there)` },
      ];
    },
  };
}

export const pcapForm: BinaryForm = {
  id: 'pcap',
  title: 'pcap capture (tcpdump -w, also -i nflog:N)',
  recognise: (head) => pcapVariant(head) !== null,
  open: (emit) => openReader(emit, openPcapReader(), openByteQueue()),
};

export const pcapngForm: BinaryForm = {
  id: 'pcapng',
  title: 'pcapng capture (dumpcap, tshark -w, wireshark)',
  recognise: isPcapng,
  open: (emit) => openReader(emit, openPcapngReader(), openByteQueue()),
};
