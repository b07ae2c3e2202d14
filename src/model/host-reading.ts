// One part of a snapshot of the running host: the command that prints it, or why there is none.

/** Where the text of a part comes from. */
export type ReadingSource =
  /** Read while it runs. What it prints may be any length. */
  | { readonly is: 'program'; readonly program: string; readonly args: readonly string[] }
  /** Put together from files of the kernel. */
  | { readonly is: 'text'; text(): string }
  /** Not asked: the host lacks what it needs, or could not show it. */
  | { readonly is: 'absent'; readonly state: 'failed' | 'cannot-show' };

export interface HostReading {
  /** As snapshot_parts names it: 'list:main', 'stats', 'sockets'. Several readings may make one part. */
  readonly part: string;
  /** As a person would type it: 'conntrack -L -f ipv4 -o extended,id'. */
  readonly command: string;
  readonly source: ReadingSource;
  /** What the reading leaves out, or why there is none. */
  readonly why: string | null;
  /** Without it there is no snapshot: the command's failure is the whole's. */
  readonly isNeeded: boolean;
}

/** The network namespace a snapshot is of. */
export interface NetnsFacts {
  readonly inode: number | null;
  /** Of 'ip netns'; NULL: it has none, or is not known. */
  readonly name: string | null;
  readonly isInitial: boolean | null;
}

/** All that a snapshot of this host reads, in order. */
export interface SnapshotPlan {
  readonly netns: NetnsFacts;
  readonly readings: readonly HostReading[];
  /** Whether the kernel tracks packets here at all: without it no socket has an entry. */
  readonly isTracking: boolean;
}
