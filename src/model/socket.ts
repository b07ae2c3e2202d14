// Sockets as ss, netstat or /proc show them.

export interface Socket {
  readonly proto: number;
  /** ss's words: ESTAB, SYN-SENT, SYN-RECV, FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, UNCONN, CLOSE-WAIT, LAST-ACK, LISTEN, CLOSING. */
  readonly state: string;
  readonly local: string;
  readonly lport: number | null;
  readonly peer: string | null;
  readonly pport: number | null;
  readonly recvQ: number | null;
  readonly sendQ: number | null;
  /** 'on', 'keepalive', 'timewait', 'persist', 'unknown'. */
  readonly timer: string | null;
  readonly timerMs: number | null;
  readonly retrans: number | null;
  readonly uid: number | null;
  readonly inode: number | null;
  readonly process: string | null;
  /** ss -i / -e / -m words: numbers where they are numbers (unacked, notsent, backoff, rto), text otherwise. */
  readonly info: Readonly<Record<string, string | number>>;
}
