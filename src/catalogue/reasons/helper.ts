// What do application helpers (FTP, SIP, …) and their expectations do to packets? Drops they order, and RELATED that became NEW.

import { between, since, until } from '../kernel-version.js';
import { defineReason, helperSays, kernelSource, prints, type Reason } from '../reason.js';

const HELPER_ERA = between('3.10', '6.19', { maybeSince: '3.9', maybeUntil: '7.0' });

/** Texts that helpers drop a packet with; the same words from 3.10 to 7.3. */
const DROP_TEXTS: readonly { readonly text: string; readonly helper: string; readonly sample: string }[] = [
  { text: "partial matching of `%s'", helper: 'ftp', sample: "partial matching of `PORT'" },
  { text: 'cannot alloc expectation', helper: 'irc', sample: 'cannot alloc expectation' },
  { text: 'cannot add expectation', helper: 'tftp', sample: 'cannot add expectation' },
  { text: 'cannot parse SDP message', helper: 'sip', sample: 'cannot parse SDP message' },
  { text: 'cannot mangle SDP', helper: 'sip', sample: 'cannot mangle SDP' },
  { text: 'wrong port %u', helper: 'sip', sample: 'wrong port 0' },
  { text: 'cannot add expectation for voice', helper: 'sip', sample: 'cannot add expectation for voice' },
  { text: 'cannot parse cseq', helper: 'sip', sample: 'cannot parse cseq' },
  { text: 'cannot get cseq', helper: 'sip', sample: 'cannot get cseq' },
  { text: 'cannot get code', helper: 'sip', sample: 'cannot get code' },
  { text: 'cannot NAT SIP message', helper: 'sip', sample: 'cannot NAT SIP message' },
  { text: 'cannot parse contact', helper: 'sip', sample: 'cannot parse contact' },
  { text: 'cannot parse expires', helper: 'sip', sample: 'cannot parse expires' },
  { text: 'cannot process H.245 message', helper: 'H.245', sample: 'cannot process H.245 message' },
  { text: 'cannot process Q.931 message', helper: 'Q.931', sample: 'cannot process Q.931 message' },
  { text: 'cannot process RAS message', helper: 'RAS', sample: 'cannot process RAS message' },
];

export const HELPER_REASONS: readonly Reason[] = [
  defineReason({
    id: 'helper-drop',
    proto: ['tcp', 'udp'],
    outcome: 'DROP',
    evidence: 'helper',
    formats: [
      helperSays('nf_ct_%s: dropping packet', until('3.2', { maybeUntil: '3.9' }), 'nf_ct_ftp: dropping packet'),
      ...DROP_TEXTS.map(({ text, helper, sample }) =>
        helperSays(`nf_ct_%s: dropping packet: ${text} `, HELPER_ERA, `nf_ct_${helper}: dropping packet: ${sample} `),
      ),
      helperSays(
        'nf_ct_%s: dropping packet: %s ',
        HELPER_ERA,
        'nf_ct_amanda: dropping packet: cannot find reply port ',
      ),
      ...DROP_TEXTS.map(({ text, helper, sample }) =>
        helperSays(
          `helper %s dropping packet: ${text} `,
          since('7.1', { maybeSince: '7.0' }),
          `helper ${helper} dropping packet: ${sample} `,
        ),
      ),
      helperSays(
        'helper %s dropping packet: %s ',
        since('7.1', { maybeSince: '7.0' }),
        'helper sane dropping packet: cannot find reply port ',
      ),
    ],
    source: kernelSource('net/netfilter/nf_conntrack_helper.c', 'nf_ct_helper_log()', '6.18'),
    condition:
      'An application helper (ftp, sip, irc, tftp, h323, sane, amanda) could not parse a packet of the control connection, or could not announce the connection it speaks of, and had it dropped.',
    howSeen:
      'Kernel log through the logger of the family, whatever nf_conntrack_log_invalid is; IN= and OUT= are empty. No counter.',
    likelyCauses: [
      'An FTP command split over two segments',
      'A SIP message cut off or malformed',
      'The limit of expectations is reached',
      'The helper is attached to a port that carries another protocol',
    ],
    checks: ['conntrack -L expect', 'conntrack -L shows helper= on the control connection'],
    remedies: [
      'Attach helpers by explicit CT rules to the flows that need them only',
      'Leave the helper out where the protocol does without it (passive FTP over TLS, SIP with ICE)',
    ],
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'expectation-table-full',
    proto: ['any'],
    outcome: 'NEW',
    evidence: 'printk',
    formats: [
      prints(
        'nf_conntrack: expectation table full',
        since('2.6.32'),
        'nf_conntrack: expectation table full',
        'nf_conntrack: nf_conntrack: expectation table full',
      ),
    ],
    source: kernelSource('net/netfilter/nf_conntrack_expect.c', '__nf_ct_expect_check()', '6.18'),
    condition:
      'nf_conntrack_expect_max is reached. The helper cannot announce the connection and drops the control packet; a data connection that comes all the same is NEW instead of RELATED.',
    howSeen: 'Kernel log, rate-limited like "table full" (which it is not: another table, another limit).',
    likelyCauses: [
      'A flood of expectations',
      'FTP or SIP sessions that were abandoned',
      'Full-cone NAT modules that live on expectations',
    ],
    checks: ['conntrack -L expect | wc -l against sysctl net.netfilter.nf_conntrack_expect_max'],
    remedies: ['Raise nf_conntrack_expect_max (not nf_conntrack_max)'],
  }),
  defineReason({
    id: 'new-expectation-related',
    proto: ['any'],
    outcome: 'RELATED',
    evidence: 'silent',
    source: kernelSource('net/netfilter/nf_conntrack_core.c', 'init_conntrack()', '6.18'),
    condition:
      'A first packet matches an expectation of a helper: RELATED instead of NEW, and the entry knows its master.',
    howSeen: 'ctstate RELATED on a first packet; expect_new in /proc/net/stat/nf_conntrack.',
    likelyCauses: ['FTP data, SIP media, TFTP, IRC DCC, the GRE of PPTP'],
    checks: ['conntrack -L expect before, conntrack -E expect during'],
    remedies: [],
    counter: 'expect_new',
    verifiedOn: '6.18.44',
  }),
  defineReason({
    id: 'helper-not-assigned',
    proto: ['tcp', 'udp'],
    outcome: 'NEW',
    evidence: 'silent',
    evidenceByVersion: [
      { evidence: 'printk', versions: between('3.5', '5.19') },
      { evidence: 'silent', versions: since('6.0') },
    ],
    formats: [
      prints(
        'nf_conntrack: automatic helper assignment is deprecated and it will be removed soon. Use the iptables CT target to attach helpers instead.',
        between('3.8', '4.9', { maybeSince: '3.5' }),
        'nf_conntrack: automatic helper assignment is deprecated and it will be removed soon. Use the iptables CT target to attach helpers instead.',
      ),
      prints(
        'nf_conntrack: default automatic helper assignment has been turned off for security reasons and CT-based  firewall rule not found. Use the iptables CT target to attach helpers instead.',
        between('4.10', '5.11', { maybeSince: '4.7' }),
        'nf_conntrack: default automatic helper assignment has been turned off for security reasons and CT-based  firewall rule not found. Use the iptables CT target to attach helpers instead.',
      ),
      prints(
        'nf_conntrack: default automatic helper assignment has been turned off for security reasons and CT-based firewall rule not found. Use the iptables CT target to attach helpers instead.',
        between('5.12', '5.19'),
        'nf_conntrack: nf_conntrack: default automatic helper assignment has been turned off for security reasons and CT-based firewall rule not found. Use the iptables CT target to attach helpers instead.',
      ),
    ],
    source: kernelSource('net/netfilter/nf_conntrack_helper.c', '__nf_ct_try_assign_helper()', '5.19'),
    condition:
      'No helper is attached to the control connection, so nothing announced the data connection: NEW, not RELATED. Assignment by port is off by default since 4.7 and gone, without a word, since 6.0.',
    howSeen:
      'A message once per namespace until 5.19; silent since 6.0. conntrack -L shows no helper= on the control connection.',
    likelyCauses: [
      'A kernel upgrade across 4.7 or 6.0 without CT rules for ftp, sip, tftp, …',
      'The helper module is not loaded',
    ],
    checks: [
      'conntrack -L -p tcp --dport 21: is helper=ftp there?',
      'sysctl net.netfilter.nf_conntrack_helper (until 5.19)',
    ],
    remedies: [
      'iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp',
      'nft: a ct helper object and "ct helper set" in a chain at priority filter or earlier',
    ],
  }),
];
