// What became of the lines of a kernel log, in numbers.

export interface LineCounts {
  lines: number;
  /** Lines with a packet dump. */
  packetLines: number;
  /** … that the full parser had to read. */
  slowLines: number;
  passages: number;
  notices: number;
  /** Kernel lines that are not netfilter's. */
  otherKernel: number;
  otherProgram: number;
  foreign: number;
  unread: number;
}

export const NO_LINES: Readonly<LineCounts> = {
  lines: 0,
  packetLines: 0,
  slowLines: 0,
  passages: 0,
  notices: 0,
  otherKernel: 0,
  otherProgram: 0,
  foreign: 0,
  unread: 0,
};
