// A kern.log as long as one likes: one dropped SYN a line, fifty a second, both of its clocks telling the same time.

const A_SECOND = 50;
const UPTIME_AT_START = 1000;
const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** The line `index` of the log, with its newline; up to 180,000 of them within the hour that begins at 12:00. */
export function dropLine(index: number): string {
  const seconds = Math.floor(index / A_SECOND);
  const microseconds = String((index % A_SECOND) * (1_000_000 / A_SECOND)).padStart(6, '0');
  const stamp = `Nov 21 12:${twoDigits(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}`;
  return `${stamp} fw1 kernel: [${UPTIME_AT_START + seconds}.${microseconds}] DROP: IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=192.0.2.${(index % 250) + 1} DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=${index % 65_536} DF PROTO=TCP SPT=${1024 + (index % 60_000)} DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
}

/** The lines `from` up to, not with, `to`. */
export function dropLog(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => dropLine(from + index)).join('');
}
