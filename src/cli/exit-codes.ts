// The exit codes that scripts rely on, and the few error classes that lead to them. main.ts alone turns one into the other.

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  hostLacks: 3,
  refused: 4,
  partlyChanged: 5,
  storeUnusable: 6,
  findings: 10,
  timeout: 124,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For `ctwhy help exit-codes`, in the order of the numbers. */
export const EXIT_CODE_MEANINGS: ReadonlyArray<readonly [ExitCode, string]> = [
  [EXIT.done, 'done; also when nothing was found'],
  [EXIT.failed, 'failed for another reason'],
  [EXIT.usage, 'wrong usage'],
  [EXIT.hostLacks, 'the host lacks something: a kernel feature, a module, a program'],
  [EXIT.refused, 'refused or busy: rights, a lock, the kernel said no'],
  [EXIT.partlyChanged, 'the host was changed only in part'],
  [EXIT.storeUnusable, 'the store cannot be used'],
  [EXIT.findings, 'there are findings (only with --exit-code)'],
  [EXIT.timeout, 'time ran out'],
  [EXIT.interrupted, 'ended by Ctrl-C'],
  [EXIT.terminated, 'ended by TERM'],
];
