// The work of ctwhy dyndbg list.

import { chooseCallsites, reasonOf, whatReplacedIt } from '../../changes/plan-dyndbg.js';
import type { CommandInput } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import { unescapeFormat } from '../../parsers/forms/dyndbg-control.js';
import { printRows } from '../../presentation/rows.js';
import { readCallsites } from '../../survey/callsites.js';
import { RefusedError, UnsupportedError } from '../../text/errors.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { limited, rowFormat, rowLimit } from '../row-output.js';
import { callsiteWish } from './wish.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const wish = callsiteWish(input);
  if (wish.reason !== null) reasonOf(wish.reason);
  const { kernelRelease, uid } = world.host.identity();
  const facts = readCallsites(world.host);
  const replaced = wish.reason === null ? '' : `; ${whatReplacedIt(wish.reason, kernelRelease)}`;
  if (facts.control === null) {
    const mayBeHidden = ['/proc/dynamic_debug/control', '/sys/kernel/debug'].some((path) => {
      try {
        return world.host.look(path) !== null;
      } catch {
        return true;
      }
    });
    if (uid !== 0 && mayBeHidden)
      throw new RefusedError(
        `the control file of dynamic debug is root's to read: sudo ${world.programName} dyndbg list${replaced}`,
      );
    throw new UnsupportedError(`this kernel (${kernelRelease}) has no dynamic debug${replaced}`);
  }
  const chosen = chooseCallsites(facts.callsites, wish);
  if (chosen.length === 0 && wish.reason !== null)
    throw new UnsupportedError(whatReplacedIt(wish.reason, kernelRelease));
  if (!facts.isLoaded) world.streams.err.write('ctwhy: nf_conntrack is not loaded: its callsites are not listed\n');
  const rows = chosen.map((one) => [
    one.flags.includes('p') ? 1 : 0,
    one.function,
    unescapeFormat(one.format).trimEnd(),
    one.known?.tells ?? null,
    one.module,
    one.file,
    one.line,
    one.flags,
  ]);
  printRows(
    world.streams.out,
    {
      columns: ['on', 'function', 'message', 'tells', 'module', 'file', 'line', 'flags'],
      rows: limited(rows, rowLimit(input)),
    },
    { format: rowFormat(input, world), generatedAt: rfc3339(world.clock.nowUs()) },
  );
  return EXIT.done;
}
