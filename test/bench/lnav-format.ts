// A log format for lnav that reads the made logs field by field, so that its SQL can answer the bench's question.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PATTERN =
  '^(?<timestamp>\\w{3} [ \\d]\\d \\d{2}:\\d{2}:\\d{2}) (?<host>\\S+) kernel: \\[ *(?<uptime>\\d+\\.\\d+)\\] ' +
  '(?<prefix>.*?)IN=(?<in_if>\\S*) OUT=(?<out_if>\\S*) (?:MAC=(?<mac>\\S*) )?SRC=(?<src>\\S+) DST=(?<dst>\\S+) ' +
  'LEN=(?<len>\\d+) (?<middle>.*?)PROTO=(?<proto>\\S+) SPT=(?<spt>\\d+) DPT=(?<dpt>\\d+) (?<body>.*)$';

/** Writes the format into a configuration folder for lnav (-I). */
export function writeLnavFormat(folder: string): void {
  const formats = join(folder, 'formats', 'installed');
  mkdirSync(formats, { recursive: true });
  const text = (): { kind: string } => ({ kind: 'string' });
  const number = (): { kind: string } => ({ kind: 'integer' });
  writeFileSync(
    join(formats, 'kernel_packet.json'),
    JSON.stringify({
      $schema: 'https://lnav.org/schemas/format-v1.schema.json',
      kernel_packet: {
        title: 'Kernel packet log',
        regex: { std: { pattern: PATTERN } },
        value: {
          host: text(),
          uptime: { kind: 'float' },
          prefix: text(),
          in_if: text(),
          out_if: text(),
          mac: text(),
          src: text(),
          dst: text(),
          len: number(),
          middle: text(),
          proto: text(),
          spt: number(),
          dpt: number(),
        },
        sample: [
          {
            line: 'Mar  3 04:07:10 fw kernel: [  123.456789] TRACE: raw:PREROUTING:policy:2 IN=eth0 OUT= MAC=02:00 SRC=192.0.2.1 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=1 DPT=2 SEQ=1 ACK=0 WINDOW=1 RES=0x00 SYN URGP=0 ',
          },
        ],
      },
    }),
  );
}

/** The bench's question in lnav's SQL. */
export const LNAV_QUESTION =
  ";SELECT prefix, count(*) AS lines, count(DISTINCT src || ' ' || spt) AS flows FROM kernel_packet GROUP BY prefix ORDER BY prefix";
