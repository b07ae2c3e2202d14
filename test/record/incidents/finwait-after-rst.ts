// The peer's RST closes the entry, but a rule keeps it from the socket: ten (here two) seconds later the entry is gone, the socket is not.

import { delay } from '../../lab/clock.js';
import { finwaitProofs, playFinwait } from '../finwait.js';
import type { Incident } from '../incident.js';
import { pairAddresses } from '../scene.js';

const ADDRESSES = pairAddresses(66);
const SPORT = 47266;

export const finwaitAfterRst: Incident = {
  name: 'finwait-after-rst',
  story:
    'INPUT drops RSTs (against forged ones). The server crashes with unread data and sends a true RST: conntrack sees it and moves the entry to ' +
    'CLOSE, the socket never gets it. nf_conntrack_tcp_timeout_close is 2 s; after 4 s the program is killed.',
  truth: {
    class: 'entry-gone',
    cause: 'entry-closed-by-rst',
    confidenceAtMost: 'certain',
    causeConfidenceAtMost: 'certain',
    outcome: 'INVALID',
    droppedBy: { family: 'ip', table: 'filter', chain: 'OUTPUT', rule: 3 },
    note: 'The RST is in the log (INPUT RST) and was dropped by filter INPUT 2, so its UPDATE event was never delivered: an event waits for its packet to pass the last hook. DESTROY, with the first FIN, shows the state CLOSE; so does conntrack-L-during.txt.',
  },
  kernelLogForm: 'dmesg-raw',
  addresses: Object.values(ADDRESSES),
  proofs: [
    ...finwaitProofs('dmesg-r.txt', SPORT),
    { file: 'dmesg-r.txt', pattern: /INPUT RST: .* RST/ },
    { file: 'conntrack-E.txt', pattern: /\[DESTROY\].* CLOSE .*sport=47266/, atMost: 1 },
    { file: 'conntrack-L-during.txt', pattern: / CLOSE .*sport=47266/ },
  ],
  play: (stage) =>
    playFinwait(stage, {
      addresses: ADDRESSES,
      sport: SPORT,
      wish: { backend: 'nft' },
      sysctls: { 'netfilter.nf_conntrack_tcp_timeout_close': 2 },
      async prepare(client) {
        await client.play('iptables -A INPUT -p tcp --tcp-flags RST RST -j LOG --log-prefix "INPUT RST: "');
        await client.play('iptables -A INPUT -p tcp --tcp-flags RST RST -j DROP');
      },
      async happens({ connection, service, events, bundle }) {
        process.kill(service.pid, 'SIGSTOP');
        connection.say('nobody reads this\n');
        await delay(200);
        process.kill(service.pid, 'SIGKILL');
        await delay(300);
        await bundle.take('conntrack-L-during.txt', 'conntrack -L -o id,extended', 'during');
        await delay(3700);
        if (events().includes('[DESTROY]')) throw new Error('the collector was faster than the FIN');
      },
    }),
};
