// /proc/net/netfilter/nf_log: which logger each protocol family uses, and which it could use.

import { type Form, OTHER, TAKEN } from '../form.js';

/** ' 2 nf_log_ipv4 (nf_log_ipv4,nfnetlink_log)' (net/netfilter/nf_log.c: seq_show(), v6.18). */
const ROW = /^\s?(\d{1,2}) ([a-zA-Z][\w-]*|NONE) \(([\w,-]*)\)\s*$/;

export const nfLogForm: Form = {
  id: 'nf_log',
  title: '/proc/net/netfilter/nf_log',
  recognise: (line) => (ROW.test(line) && /NONE|log|LOG/.test(line) ? 85 : 0),
  open: (emit) => ({
    line(text, line) {
      if (text.trim() === '') return TAKEN;
      const match = ROW.exec(text);
      if (match === null) return OTHER;
      const loggers = match[3]!.split(',').filter((name) => name !== '');
      const logger = match[2] === 'NONE' ? null : match[2];
      const data = { file: 'net/netfilter/nf_log', family: Number(match[1]), logger, loggers };
      emit({ kind: 'host-fact', line, fact: { kind: 'file', data } });
      return TAKEN;
    },
    end() {},
  }),
};
