import { describe, expect, it } from 'vitest';
import { cronLine, type Schedule, serviceText, spanWords, timerText } from '../../../src/changes/schedule-units.js';

const SCHEDULE: Schedule = {
  everyS: 60,
  keep: '7d',
  self: ['/usr/bin/node', '/usr/lib/ctwhy/bin/ctwhy.js'],
  storePath: '/var/lib/ctwhy/ctwhy.db',
  hasAllSockets: false,
  isAllNetns: false,
};
const value = (text: string, key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1];

describe('the units of a schedule', () => {
  it('start this program with the words of one snapshot', () => {
    expect(value(serviceText(SCHEDULE), 'ExecStart')).toBe(
      '/usr/bin/node /usr/lib/ctwhy/bin/ctwhy.js snapshot take --quiet --db /var/lib/ctwhy/ctwhy.db --keep 7d',
    );
  });

  it('quote what systemd would split or expand', () => {
    const text = serviceText({ ...SCHEDULE, storePath: '/srv/my "own" $HOME/100%/ct.db' });
    expect(value(text, 'ExecStart')).toContain(String.raw`--db "/srv/my \"own\" $$HOME/100%%/ct.db"`);
    expect(value(text, 'ReadWritePaths')).toBe(String.raw`"/srv/my \"own\" $$HOME/100%%"`);
    expect(text).not.toContain('StateDirectory=');
  });

  it('hold no right but those that reading takes', () => {
    expect(value(serviceText(SCHEDULE), 'CapabilityBoundingSet')).toBe('CAP_NET_ADMIN CAP_NET_RAW');
    expect(value(serviceText({ ...SCHEDULE, isAllNetns: true }), 'CapabilityBoundingSet')).toContain('CAP_SYS_ADMIN');
    expect(value(serviceText(SCHEDULE), 'ProtectSystem')).toBe('strict');
    expect(value(serviceText(SCHEDULE), 'StateDirectory')).toBe('ctwhy');
  });

  it('refuse what node may try and can do without, and do not kill it for that', () => {
    expect(value(serviceText(SCHEDULE), 'SystemCallFilter')).toBe('@system-service');
    expect(value(serviceText(SCHEDULE), 'SystemCallErrorNumber')).toBe('EPERM');
  });

  it('do not hide the program from itself', () => {
    expect(value(serviceText(SCHEDULE), 'ProtectHome')).toBe('yes');
    const own = { ...SCHEDULE, self: ['/home/user/node', '/home/user/ctwhy.js'] };
    expect(value(serviceText(own), 'ProtectHome')).toBe('read-only');
    expect(value(serviceText(own), 'PrivateTmp')).toBe('yes');
    expect(value(serviceText({ ...SCHEDULE, storePath: '/var/tmp/ct.db' }), 'PrivateTmp')).toBe('no');
  });

  it.each([
    [45, '45s'],
    [60, '1min'],
    [5400, '1h 30min'],
    [93, '1min 33s'],
  ])('call %d s %s', (seconds, words) => {
    expect(spanWords(seconds)).toBe(words);
    expect(value(timerText({ everyS: seconds }), 'OnUnitActiveSec')).toBe(words);
  });

  it.each([
    [60, '* * * * *'],
    [300, '*/5 * * * *'],
    [3600, '0 * * * *'],
    [7200, '0 */2 * * *'],
    [86_400, '0 0 * * *'],
  ])('every %d s is %s for cron', (everyS, when) => {
    expect(cronLine({ ...SCHEDULE, everyS })).toBe(
      `${when} root /usr/bin/node /usr/lib/ctwhy/bin/ctwhy.js snapshot take --quiet --db /var/lib/ctwhy/ctwhy.db --keep 7d`,
    );
  });

  it.each([45, 90, 420])('every %d s is nothing that cron can say', (everyS) => {
    expect(cronLine({ ...SCHEDULE, everyS })).toBeNull();
  });

  it('what cron and the shell would read otherwise is quoted for both', () => {
    const line = cronLine({ ...SCHEDULE, storePath: "/srv/it's 100%.db" });
    expect(line).toContain(String.raw`--db '/srv/it'\''s 100\%.db'`);
  });
});
