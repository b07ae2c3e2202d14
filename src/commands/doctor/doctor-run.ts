// The work of ctwhy doctor: facts of this host or of a bundle, the questions asked of them, one screen or one JSON document.

import { diagnose, linesToKeep } from '../../analysis/doctor/diagnose.js';
import { storedFacts } from '../../analysis/doctor/stored-facts.js';
import { type CommandInput, hasSwitch, optionValue, optionValues } from '../../cli/command.js';
import { EXIT, type ExitCode } from '../../cli/exit-codes.js';
import type { HostFacts } from '../../model/host-setup.js';
import { doctorDocument } from '../../presentation/doctor-document.js';
import { printDocument } from '../../presentation/document.js';
import { UsageError } from '../../text/errors.js';
import { safeJson } from '../../text/terminal-safe.js';
import { rfc3339 } from '../../text/time.js';
import type { World } from '../../world.js';
import { chooseHost } from '../choose-host.js';
import { withEvidence } from '../evidence-store.js';
import { liveFacts } from './live-facts.js';

export async function run(input: CommandInput, world: World): Promise<ExitCode> {
  const netns = optionValue(input, 'netns');
  if (optionValues(input, 'read').length > 0) {
    if (netns !== null) throw new UsageError('--netns is of this host, -r of files: give one of them');
    return await withEvidence(input, world, (db) =>
      Promise.resolve(report(storedFacts(db, chooseHost(db, optionValue(input, 'host'))), input, world)),
    );
  }
  for (const name of ['host', 'kernel', 'boot-time', 'year', 'tz'])
    if (optionValue(input, name) !== null) throw new UsageError(`--${name} is of files: give them with -r`);
  return report(await liveFacts(world, netns), input, world);
}

function report(facts: HostFacts, input: CommandInput, world: World): ExitCode {
  const diagnosis = diagnose(facts);
  // sysctl.d is read in the first namespace; others begin with the kernel's own values.
  const keep = facts.log.isFirstNetns === false ? [] : linesToKeep(diagnosis.questions, facts.kept);
  const typed = (command: string) => asTyped(command, facts, optionValue(input, 'netns'), world.programName);
  if (hasSwitch(input, 'json')) {
    const document = {
      schema: 'ctwhy.doctor/1',
      generatedAt: rfc3339(world.clock.nowUs()),
      from: facts.from,
      host: facts.hostName,
      kernel: facts.kernelRelease,
      netns: facts.netns,
      isRoot: facts.isRoot,
      programs: facts.programs,
      questions: diagnosis.questions.map(({ id, question, word, why, cure, ask }) => ({
        id,
        question,
        answer: word,
        why,
        cure: cure === undefined ? null : typed(cure.command),
        price: cure?.price ?? null,
        ask: ask ?? null,
      })),
      keep,
      never: diagnosis.never,
      watchOut: diagnosis.watchOut.map((one) => ({
        ...one,
        command: one.command === null ? null : typed(one.command),
      })),
      notSeen: facts.unseen,
      ok: diagnosis.ok,
    };
    world.streams.out.write(`${safeJson(JSON.stringify(document, null, 2))}\n`);
    return EXIT.done;
  }
  printDocument(
    world.streams.out,
    doctorDocument(diagnosis, {
      title: titleOf(facts),
      isLive: facts.from === 'host',
      keep,
      unseen: facts.unseen,
      typed,
    }),
  );
  return EXIT.done;
}

function titleOf(facts: HostFacts): string {
  const programs = (facts.programs ?? []).map(({ name, version }) => (version === null ? name : `${name} ${version}`));
  return [
    `host ${facts.hostName}`,
    `kernel ${facts.kernelRelease ?? 'not known'}`,
    ...programs,
    ...(facts.programs !== null && programs.length === 0 ? ['no firewall programs'] : []),
    ...(facts.netns === null ? [] : [`netns ${facts.netns}`]),
    ...(facts.isRoot ? [] : ['asked without root']),
  ].join(', ');
}

/** Settings of net and programs that speak to conntrack act in the namespace they run in. */
const IS_OF_NETNS = /^(sysctl -w net\.|conntrack )/;
const CHANGES_HERE = /^ctwhy (log-invalid|trace|tag) /;

/** A command as one would type it here: our own name, the namespace, sudo where it takes rights. */
function asTyped(command: string, { from, isRoot }: HostFacts, netns: string | null, programName: string): string {
  if (from === 'evidence') return command;
  const enter =
    netns === null ? '' : /^[\w.-]*[A-Za-z_.-][\w.-]*$/.test(netns) ? `ip netns exec ${netns} ` : enterByFile(netns);
  const placed = IS_OF_NETNS.test(command)
    ? `${enter}${command}`
    : CHANGES_HERE.test(command) && netns !== null
      ? `${command} --netns ${netns}`
      : command;
  const named = placed.replace(/^(sudo )?ctwhy /, (_, sudo: string | undefined) => `${sudo ?? ''}${programName} `);
  return isRoot || named.startsWith('sudo ') || command.startsWith('ctwhy changes') ? named : `sudo ${named}`;
}

function enterByFile(netns: string): string {
  return `nsenter --net=${netns.startsWith('/') ? netns : `/proc/${netns}/ns/net`} `;
}
