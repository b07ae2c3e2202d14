// More control connections announce data connections than the table of expectations holds.

import { fileURLToPath } from 'node:url';
import { delay } from '../../lab/clock.js';
import { waitUntil } from '../../lab/process.js';
import { holdSwitch } from '../../lab/shared-switch.js';
import type { Incident } from '../incident.js';
import { playPath } from '../path.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(106);
const SERVER = fileURLToPath(new URL('../../lab/hold-connections.py', import.meta.url));
const LIMIT = 2;
const CONTROLS = 4;
const FIRST_SPORT = 40160;

export const expectationsFull: Incident = {
  name: 'expectations-full',
  story: `Four FTP control connections announce a data connection each (PORT) through a firewall with the ftp helper; for the seconds of this the table of expectations holds ${LIMIT}. The third and the fourth PORT are dropped by the helper.`,
  truth: {
    class: 'helper-expectation',
    cause: 'expectation-table-full',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'NEW',
    droppedBy: null,
    note: `"expectation table full" while ${LIMIT} expectations are listed and nf_conntrack_expect_max is ${LIMIT}; the table of connections is nearly empty.`,
  },
  kernelLogForm: 'dmesg',
  addresses: Object.values(ADDRESSES),
  kernelWords: /expectation table full/,
  proofs: [
    { file: 'dmesg.txt', pattern: /expectation table full/ },
    { file: 'conntrack-L-expect.txt', pattern: /dport=5100\d/, atLeast: LIMIT, atMost: LIMIT },
    { file: 'sysctl.txt', pattern: new RegExp(`nf_conntrack_expect_max = ${LIMIT}\\b`) },
  ],
  async play(stage) {
    const small = holdSwitch(
      '/proc/sys/net/netfilter/nf_conntrack_expect_max',
      String(LIMIT),
      '/run/ctwhylab-nf_conntrack_expect_max',
    );
    try {
      await playPath(stage, {
        addresses: ADDRESSES,
        interfaces: ['lan0', 'wan0'],
        wish: { backend: 'legacy' },
        rules: [
          'iptables-legacy -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp',
          'iptables-legacy -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        ],
        async traffic({ client, server }) {
          server.start(`python3 '${SERVER}' serve 21`);
          await waitUntil('port 21 is open', async () => (await server.run('ss -Htln sport = :21')).stdout !== '');
          for (let index = 0; index < CONTROLS; index++) {
            const control = client.start(`nc -p ${FIRST_SPORT + index} ${ADDRESSES.server} 21`);
            await waitUntil('greeting', () => control.output().includes('.'));
            // The helper reads a command only behind a line that it has seen end.
            control.say('USER anonymous\r\n');
            await delay(150);
            const port = 51_000 + index;
            control.say(`PORT ${ADDRESSES.client.replaceAll('.', ',')},${port >> 8},${port & 255}\r\n`);
            await delay(150);
          }
        },
      });
    } finally {
      small.release();
    }
  },
};
