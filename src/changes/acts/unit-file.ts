// A unit file of systemd. It is ours as long as it holds what we wrote, to the byte.

import type { WriteHost } from '../../host/write-host.js';
import type { UnitFileAct } from '../../model/change.js';
import { mustRun } from '../change-host.js';
import type { ActKind } from './act-kind.js';

/** systemd grumbles about units that others may not read. */
const MODE = 0o644;
const RELOAD = 'systemctl daemon-reload';

const asTyped = (path: string, text: string): string => `cat > ${path} <<'EOF'\n${text}EOF`;
const reload = (host: WriteHost) => mustRun(host, undefined, 'systemctl', ['daemon-reload'], { timeoutMs: 30_000 });

export const unitFileKind: ActKind<UnitFileAct> = {
  is: 'unit-file',
  isLasting: true,
  says: ({ path }) => `${path} written`,
  saysBack: ({ path, before }) => (before === null ? `${path} removed` : `${path} is as it was`),
  doing: ({ path, text }) => [asTyped(path, text)],
  undoing: ({ path, before }) => [before === null ? `rm ${path}` : asTyped(path, before), RELOAD],
  async look({ path, text, before }, host) {
    if (host.look(path) === null)
      return before === null ? { is: 'before', found: 'no file' } : { is: 'other', found: 'removed' };
    const found = host.read(path);
    if (found === text) return { is: 'after', found: 'as written' };
    return found === before ? { is: 'before', found: 'as it was' } : { is: 'other', found: 'another text' };
  },
  async apply(act, host) {
    host.writeDurably(act.path, act.text, MODE);
    return act;
  },
  async revert({ path, before }, host) {
    if (before === null) host.remove(path);
    else host.writeDurably(path, before, MODE);
    await reload(host);
  },
};
