// netstat: sockets (-tan with -e -p -o), statistics (-s), the routing table (-rn, also `route -n`), and the socket files in /proc/net.

import { type Emit, type Form, type FormContext, type FormReader, type LineOutcome, OTHER, TAKEN } from '../form.js';
import {
  type HistogramDirection,
  histogramHeading,
  statisticsCounter,
  statisticsSection,
} from '../host/netstat-statistics.js';
import { ROUTE_TABLE_HEADING, readRouteRow } from '../host/route-table.js';
import { isNetstatRow, readNetstatRow } from '../sockets/netstat-row.js';
import { isProcNetRow, readProcNetRow } from '../sockets/proc-net-row.js';

const HEADING =
  /^Active (Internet connections|UNIX domain sockets|LLC sockets|IPX sockets)|^Proto Recv-Q Send-Q Local Address|^Proto RefCnt Flags/;
const UNIX_ROW = /^unix\s+\d+\s+\[/;
const PROC_HEADING = /^\s*sl\s+local_address\s+rem(ote)?_address\s+st /;

/** Which of the files a heading without a file name belongs to: only UDP's and raw's have the column 'drops'. */
function protoOfHeading(heading: string, { fileName, command }: FormContext): number {
  const hint = `${fileName} ${command ?? ''}`;
  if (/\braw6?\b/.test(hint)) return 255;
  if (/\budplite6?\b/.test(hint)) return 136;
  return /\bdrops\b/.test(heading) ? 17 : 6;
}

function openReader(emit: Emit, context: FormContext): FormReader {
  let section: string | null = null;
  let direction: HistogramDirection = null;
  let hasMetric: boolean | null = null;
  let procProto = 6;

  const statistics = (text: string, line: number): LineOutcome | null => {
    const heading = statisticsSection(text);
    if (heading !== null) {
      section = heading;
      direction = null;
      return TAKEN;
    }
    if (section === null || !/^\s/.test(text)) return null;
    const histogram = histogramHeading(text);
    if (histogram !== undefined) {
      direction = histogram;
      return TAKEN;
    }
    if (!/^\s{5,}/.test(text)) direction = null;
    const counter = statisticsCounter(section, direction, text);
    if (counter !== null) {
      emit({ kind: 'counter', line, ...counter });
      return TAKEN;
    }
    // Settings ('RTO algorithm is other') hold no number; a sentence of an unknown counter does.
    return /\d/.test(text) ? { is: 'unread', reason: 'a counter of unknown name', at: text.search(/\S/) } : TAKEN;
  };

  return {
    line(text, line) {
      if (text.trim() === '' || HEADING.test(text) || UNIX_ROW.test(text)) return TAKEN;
      if (
        /^\((?:Not all processes|No info could be read|All processes)/.test(text) ||
        /^ will not be shown, you would/.test(text)
      )
        return TAKEN;
      if (PROC_HEADING.test(text)) {
        procProto = protoOfHeading(text, context);
        return TAKEN;
      }
      const procRow = readProcNetRow(text, procProto);
      if (procRow !== null) {
        emit({ kind: 'socket', line, socket: procRow });
        return TAKEN;
      }
      if (ROUTE_TABLE_HEADING.test(text)) {
        if (text.startsWith('Destination')) hasMetric = /\bMetric\b/.test(text);
        else hasMetric ??= false;
        return TAKEN;
      }
      if (hasMetric !== null) {
        const fact = readRouteRow(text, hasMetric);
        if (fact !== null) {
          emit({ kind: 'host-fact', line, fact });
          return TAKEN;
        }
      }
      const socket = readNetstatRow(text);
      if (typeof socket === 'string') return { is: 'unread', reason: socket, at: 0 };
      if (socket !== null) {
        emit({ kind: 'socket', line, socket });
        return TAKEN;
      }
      return statistics(text, line) ?? OTHER;
    },
    end() {},
  };
}

export const netstatForm: Form = {
  id: 'netstat',
  title: 'netstat -tanpoe, -s and -rn, route -n, /proc/net/tcp and udp',
  recognise(line) {
    if (HEADING.test(line) || PROC_HEADING.test(line) || ROUTE_TABLE_HEADING.test(line)) return 95;
    if (isNetstatRow(line) || isProcNetRow(line)) return 85;
    return statisticsSection(line) === null ? 0 : 60;
  },
  open: openReader,
};
