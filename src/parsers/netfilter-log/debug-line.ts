// Dynamic-debug lines: what the control file's flags put in front of a message, and the message itself.

export interface DebugLine {
  /** From the 'f' flag. */
  readonly function: string | null;
  readonly module: string | null;
  readonly text: string;
}

/** Modules of connection tracking, their names in kernels before 4.19, and the reassembly in front of it. */
const MODULE =
  /^(?:nf_conntrack(?:_[a-z0-9_]+)?|nf_defrag_ipv[46]|nf_nat(?:_[a-z0-9_]+)?|ip_conntrack(?:_[a-z0-9_]+)?|ip6_conntrack_core)$/;

/** Functions of connection tracking that pr_debug() is called in (kernel-wide names would be too many). */
const FUNCTION =
  /^(?:__)?(?:nf_|tcp_|udp_|icmp_|icmpv6_|sctp_|dccp_|gre_|ip_ct_|ipv[46]_|init_conntrack|resolve_normal_ct|destroy_conntrack|clean_from_lists|do_basic_checks|get_|try_|find_|help$|tftp_help|sip_help|h245_help|q931_help|ras_help|process_|expect_|pptp_|conntrack_pptp|fq_find)/;

const DECORATION = /^(?:\[\d+\] |<intr> )?((?:[A-Za-z_][\w.-]*:|\d+:)+) /;

/**
 * Strips '[tid] module:function:[file:]line: ' (lib/dynamic_debug.c: __dynamic_emit_prefix(), v6.18), any part of which may be missing.
 * @returns null when the text has no decoration that names a module or function of ours.
 */
export function parseDecorated(text: string): DebugLine | null {
  const match = DECORATION.exec(text.length > 200 ? text.slice(0, 200) : text);
  const parts = match?.[1]?.slice(0, -1).split(':');
  if (match === null || parts === undefined) return null;
  const module = parts.find((part) => MODULE.test(part)) ?? null;
  const name = parts.find((part) => part !== module && !/^\d+$|\.c$/.test(part)) ?? null;
  const isOurs = module !== null || (name !== null && parts.length > 1 && FUNCTION.test(name));
  if (!isOurs) return null;
  return { function: name, module, text: text.slice(match[0].length) };
}
