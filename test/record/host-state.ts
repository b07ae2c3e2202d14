// What does an investigator read from a host at one moment? The commands, and the file each goes to.

import type { Bundle, Moment } from './bundle.js';

/** Which of the host's parts to read. `backend` says whose save programs show the rules. */
export interface StateWish {
  readonly backend: 'legacy' | 'nft' | 'both';
  readonly hasIpv6?: boolean;
  /** Zero counters too, as `nstat -z` prints them: tells 'did not happen' from 'not counted here'. */
  readonly zeroCounters?: boolean;
  /** Thousands of entries: the list is kept compressed. */
  readonly isBusy?: boolean;
}

const SYSCTLS =
  "sysctl -a 2>/dev/null | grep -E '^net[.](netfilter[.]|nf_conntrack_max|ipv4[.](tcp_(keepalive|retries|orphan|fin_timeout|max_orphans|timestamps|sack)|ip_forward|ip_local_port_range|conf[.](all|default|eth[0-9]+)[.](rp_filter|forwarding|accept_local|route_localnet)|ip_no_pmtu_disc)|ipv6[.]conf[.](all|eth[0-9]+)[.]forwarding|bridge[.])'";

/** The moving part: entries, counts, statistics, rules with counters, sockets. */
export async function takeState(bundle: Bundle, moment: 'before' | 'after', wish: StateWish): Promise<void> {
  const name = (stem: string, ending = 'txt'): string => `${stem}${moment === 'before' ? '-before' : ''}.${ending}`;
  const take = (stem: string, command: string): Promise<unknown> => bundle.take(name(stem), command, moment);
  await bundle.take(
    name('conntrack-L', wish.isBusy === true ? 'txt.gz' : 'txt'),
    'conntrack -L -o id,extended,ktimestamp',
    moment,
  );
  await take('conntrack-C', 'conntrack -C');
  await take('conntrack-S', 'conntrack -S');
  await take('ss', 'ss -tanoei');
  await takeRules(bundle, moment, wish, name);
  await take('nstat', wish.zeroCounters === true ? 'nstat -asz' : 'nstat -as');
}

async function takeRules(
  bundle: Bundle,
  moment: Moment,
  wish: StateWish,
  name: (stem: string) => string,
): Promise<void> {
  if (wish.backend !== 'nft') {
    await bundle.take(name('iptables-save'), `iptables-legacy-save -c`, moment);
    if (wish.hasIpv6 === true) await bundle.take(name('ip6tables-save'), `ip6tables-legacy-save -c`, moment);
  }
  if (wish.backend !== 'legacy') {
    const stem = wish.backend === 'both' ? 'iptables-nft-save' : 'iptables-save';
    await bundle.take(name(stem), `iptables-nft-save -c`, moment);
    await bundle.take(name('nft'), 'nft -a list ruleset', moment);
  }
}

/** What rarely moves: other lists, settings, addresses, routes. */
export async function takeSurroundings(bundle: Bundle): Promise<void> {
  await bundle.take('conntrack-L-dying.txt', 'conntrack -L dying -o id,extended', 'after');
  await bundle.take('conntrack-L-unconfirmed.txt', 'conntrack -L unconfirmed -o id,extended', 'after');
  await bundle.take('conntrack-L-expect.txt', 'conntrack -L expect', 'after');
  await bundle.take('sysctl.txt', SYSCTLS, 'after');
  await bundle.take('ip-addr.json', 'ip -j addr', 'after');
  await bundle.take('ip-route.json', 'ip -j route', 'after');
  await bundle.take('ip-rule.json', 'ip -j rule', 'after');
  await bundle.take('ip-neigh.json', 'ip -j neigh', 'after');
}
