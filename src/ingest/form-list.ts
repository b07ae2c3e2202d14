// Every form the ingest reads, in the order in which equal claims are settled. A new source format is a file in parsers/forms/
// and one line here.

import { createMessageCatalogue } from '../catalogue/match-message.js';
import type { BinaryForm, Form } from '../parsers/form.js';
import { auditForm } from '../parsers/forms/audit.js';
import { bundleManifestForm } from '../parsers/forms/bundle-manifest.js';
import { conntrackdCacheForm } from '../parsers/forms/conntrack-cache.js';
import { conntrackCountForm } from '../parsers/forms/conntrack-count.js';
import { conntrackEventsForm } from '../parsers/forms/conntrack-events.js';
import { conntrackExpectationsForm } from '../parsers/forms/conntrack-expectations.js';
import { conntrackListForm } from '../parsers/forms/conntrack-list.js';
import { ovsConntrackForm } from '../parsers/forms/conntrack-ovs.js';
import { procConntrackForm } from '../parsers/forms/conntrack-proc.js';
import { conntrackSaveForm } from '../parsers/forms/conntrack-save.js';
import { conntrackStatisticsForm } from '../parsers/forms/conntrack-statistics.js';
import { conntrackXmlForm } from '../parsers/forms/conntrack-xml.js';
import { dmesgJsonForm } from '../parsers/forms/dmesg-json.js';
import { dyndbgControlForm } from '../parsers/forms/dyndbg-control.js';
import { ethtoolForm } from '../parsers/forms/ethtool.js';
import { hostIdentityForm } from '../parsers/forms/host-identity.js';
import { ipForm } from '../parsers/forms/ip.js';
import { ipMonitorForm } from '../parsers/forms/ip-monitor.js';
import { journalExportForm } from '../parsers/forms/journal-export.js';
import { journalJsonForm } from '../parsers/forms/journal-json.js';
import { journalVerboseForm } from '../parsers/forms/journal-verbose.js';
import { kernelLogForm } from '../parsers/forms/kernel-log.js';
import { kernelMentionForm } from '../parsers/forms/kernel-mention.js';
import { legacyTraceToolsForm } from '../parsers/forms/legacy-trace-tools.js';
import { netstatForm } from '../parsers/forms/netstat.js';
import { nfLogForm } from '../parsers/forms/nf-log.js';
import { nftTraceForm } from '../parsers/forms/nft-trace.js';
import { nstatForm } from '../parsers/forms/nstat.js';
import { pcapForm, pcapngForm } from '../parsers/forms/pcap.js';
import { procModulesForm } from '../parsers/forms/proc-modules.js';
import { ipsetForm } from '../parsers/forms/ruleset-ipset.js';
import { iptablesCommandsForm } from '../parsers/forms/ruleset-iptables-commands.js';
import { iptablesListForm } from '../parsers/forms/ruleset-iptables-list.js';
import { iptablesRulesForm } from '../parsers/forms/ruleset-iptables-rules.js';
import { iptablesSaveForm } from '../parsers/forms/ruleset-iptables-save.js';
import { nftForm } from '../parsers/forms/ruleset-nft.js';
import { nftJsonForm } from '../parsers/forms/ruleset-nft-json.js';
import { ssForm } from '../parsers/forms/ss.js';
import { sysctlForm } from '../parsers/forms/sysctl.js';
import { tcpdumpTextForm } from '../parsers/forms/tcpdump-text.js';
import { ulogdJsonForm } from '../parsers/forms/ulogd-json.js';
import { ulogdTextForm } from '../parsers/forms/ulogd-text.js';
import { xtablesTraceForm } from '../parsers/forms/xtables-trace.js';

const catalogue = createMessageCatalogue();

export const FORMS: readonly Form[] = [
  bundleManifestForm,
  kernelLogForm(catalogue),
  journalExportForm(catalogue),
  journalJsonForm(catalogue),
  journalVerboseForm(catalogue),
  dmesgJsonForm(catalogue),
  auditForm(catalogue),
  sysctlForm,
  conntrackListForm,
  conntrackEventsForm,
  conntrackExpectationsForm,
  conntrackStatisticsForm,
  conntrackCountForm,
  procConntrackForm,
  conntrackXmlForm,
  conntrackSaveForm,
  conntrackdCacheForm,
  ovsConntrackForm,
  iptablesSaveForm,
  iptablesListForm,
  iptablesRulesForm,
  iptablesCommandsForm,
  nftForm,
  nftJsonForm,
  ipsetForm,
  hostIdentityForm,
  kernelMentionForm,
  dyndbgControlForm,
  ethtoolForm,
  ipForm,
  ipMonitorForm,
  legacyTraceToolsForm,
  netstatForm,
  nfLogForm,
  nftTraceForm,
  nstatForm,
  procModulesForm,
  ssForm,
  tcpdumpTextForm,
  ulogdJsonForm,
  ulogdTextForm,
  xtablesTraceForm,
];

export const BINARY_FORMS: readonly BinaryForm[] = [pcapForm, pcapngForm];
