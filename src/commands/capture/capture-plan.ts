// The plan of a capture on this host: what the host is like is asked once, and the plan is made from it each time it is wanted.

import type { Plan, PlanContext } from '../../changes/plan.js';
import { planCapture } from '../../changes/plan-capture.js';
import { type CommandInput, optionValues } from '../../cli/command.js';
import { familiesOf } from '../../model/packet-filter.js';
import { isTracking, readFirewall } from '../../survey/firewall.js';
import { sampleInvalidRate } from '../../survey/invalid-rate.js';
import { loggerModule } from '../../survey/logger-module.js';
import { readLogging } from '../../survey/logging.js';
import { readEntries } from '../../survey/matching-entries.js';
import { whyNoOwner } from '../../survey/nft-owner.js';
import { UnsupportedError } from '../../text/errors.js';
import type { World } from '../../world.js';
import { logInvalidRefusals } from '../log-invalid/refusals.js';
import type { ChangeRequest, PlanOf, Refusal } from '../make-change.js';
import { filterRefusals, START_TRACKING, withStartOfTracking } from '../packet-filter-words.js';
import { otherSides } from '../trace/add-run.js';
import { type ChosenVia, chooseVia, foreignLogger, type Via } from './via.js';
import type { CaptureWishes } from './wish.js';

/** Beyond the time of looking: settling, the second snapshot, and putting back. */
export const SLACK_MS = 60_000;

/** What the host said of itself before anything was switched on. */
export interface HostAnswers {
  /** NULL: nothing is to be switched on. */
  readonly planOf: PlanOf | null;
  readonly via: ChosenVia;
  /** Conntrack says why it refuses packets, and we hear it. */
  readonly hasLines: boolean;
  /** Rules are traced over netlink, and somebody has to listen. */
  readonly hasTrace: boolean;
  /** Conntrack sees packets only since and because of us. */
  readonly startsTracking: boolean;
}

/** Asks the host. @throws UnsupportedError where it lacks what a capture needs */
export async function askHost(input: CommandInput, world: World, wishes: CaptureWishes): Promise<HostAnswers> {
  const { host } = world;
  const { filter, question } = wishes;
  const firewall = await readFirewall(host);
  const logging = await readLogging(host);
  if (wishes.isReadOnly || (question.conditions === null && !question.hasLogInvalid))
    return {
      planOf: null,
      via: { via: 'log', why: 'nothing is switched on' },
      hasLines: false,
      hasTrace: firewall.hasNft,
      startsTracking: false,
    };
  if (logging.logInvalid === null)
    throw new UnsupportedError(
      'conntrack is not loaded here, so no packet is INVALID or NEW; modprobe nf_conntrack brings it, a rule that asks for the state starts it',
    );
  const hasTrace = firewall.canNft;
  const via = await chooseVia(host, { logging, firewall }, wishes.via);
  // Lines that go to somebody else's logger are not ours to read, so they are not asked for.
  const elsewhere = via.via === 'log' ? foreignLogger(logging, familiesOf(filter)) : null;
  const hasLines = question.hasLogInvalid && elsewhere === null;
  const entries = await readEntries(host);
  const rate = await sampleInvalidRate(host, { sleep: (ms) => new Promise((done) => setTimeout(done, ms)) });
  const tracks = isTracking(host, firewall);
  const mayStart = optionValues(input, 'allow').includes(START_TRACKING.word);
  const narrow = question.costsHealthy ? await filterRefusals(filter, world, entries) : [];
  const tracking: readonly Refusal[] =
    tracks || !hasTrace ? [] : [{ ...START_TRACKING, cheaper: 'capture --read-only' }];
  const refusals = [...tracking, ...narrow, ...(hasLines ? lineRefusals(world, rate, via.via) : [])];
  const whyNotOwned = hasTrace ? await whyNoOwner(host) : null;
  const startsTracking = !tracks && mayStart && hasTrace;
  const warnings = [
    ...(hasTrace ? [] : ['nft is not installed: the rules that packets meet are not traced, only their counters tell']),
    ...(question.hasLogInvalid && elsewhere !== null
      ? [`conntrack cannot be asked why it refuses a packet: ${elsewhere}`]
      : []),
    ...(hasLines && rate !== null && rate >= 1
      ? [`conntrack refuses about ${Math.round(rate)} packets/s here now, each is a line`]
      : []),
  ];
  const planOf = async (context: PlanContext): Promise<ChangeRequest> => {
    const plan: Plan = await planCapture(
      context,
      { logging, firewall },
      {
        filter,
        filterText: wishes.filterText,
        conditions: hasTrace ? question.conditions : null,
        rate: wishes.rate,
        entries: question.conditions?.length === 0 ? otherSides(filter, entries ?? []) : [],
        hasLogInvalid: hasLines,
        via: via.via,
        whyNotOwned,
        forMs: wishes.forMs + SLACK_MS,
        warnings,
      },
      (family) => loggerModule(host, family),
    );
    return { plan: startsTracking ? withStartOfTracking(plan) : plan, refusals };
  };
  return { planOf, via, hasLines, hasTrace, startsTracking };
}

/** NFLOG reaches no console. */
function lineRefusals(world: World, rate: number | null, via: Via): readonly Refusal[] {
  const refusals = logInvalidRefusals(world, rate);
  return via === 'nflog' ? refusals.filter(({ word }) => word !== 'console') : refusals;
}
