// Active FTP through a firewall without the helper: the data connection is NEW where RELATED was expected.

import { waitUntil } from '../../lab/process.js';
import type { Incident } from '../incident.js';
import { knock, playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(83);
const CONTROL_SPORT = 40083;
const DATA_PORT = 50000;

export const ftpNoHelper: Incident = {
  name: 'ftp-no-helper',
  story:
    'Active FTP: PORT on the control connection announces port 50000; the server connects to it from port 20. No CT helper rule (automatic ' +
    'assignment is gone since 6.0), so the SYN is NEW, not RELATED, and FORWARD 5 drops it.',
  truth: {
    class: 'helper-expectation',
    cause: null,
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    droppedBy: { family: 'ip', table: 'filter', chain: 'FORWARD', rule: 5 },
    note: 'Expectation list empty, control entry without helper=. The data flow is 198.51.100.83:20 > 192.0.2.83:50000.',
  },
  kernelLogForm: 'rsyslog-rfc3339',
  addresses: Object.values(ADDRESSES),
  proofs: [
    { file: 'kern.log', pattern: /FORWARD NEW: .*SPT=20 DPT=50000/, atLeast: 3 },
    { file: 'conntrack-L.txt', pattern: /ESTABLISHED.*dport=21/ },
    { file: 'conntrack-L.txt', pattern: /helper=|dport=50000/, atLeast: 0, atMost: 0 },
  ],
  play: (stage) =>
    playPath(stage, {
      addresses: ADDRESSES,
      interfaces: ['lan0', 'wan0'],
      wish: { backend: 'legacy' },
      rules: [
        'iptables-legacy -A FORWARD -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "',
        'iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP',
        'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        'iptables-legacy -A FORWARD -i lan0 -j ACCEPT',
        'iptables-legacy -A FORWARD -j DROP',
      ],
      async traffic({ client, server }) {
        const service = server.start('nc -l 21');
        service.say('220 ready\r\n');
        await waitUntil('port 21 is open', async () => (await server.run('ss -Htln sport = :21')).stdout !== '');
        const control = client.start(`nc -p ${CONTROL_SPORT} ${ADDRESSES.server} 21`);
        await waitUntil('greeting', () => control.output().includes('220'));
        control.say(`PORT 192,0,2,83,${DATA_PORT >> 8},${DATA_PORT & 255}\r\n`);
        await waitUntil('PORT arrived', () => service.output().includes('PORT'));
        service.say('200 PORT command successful\r\n');
        control.say('RETR file\r\n');
        service.say('150 opening data connection\r\n');
        await knock(server, ADDRESSES.client, DATA_PORT, 4, '-p 20');
      },
    }),
};
