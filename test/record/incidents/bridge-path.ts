// A service address whose target is a neighbour of the client on the same bridge: with br_netfilter switched off the answer goes over the
// bridge straight and keeps its own address; with it the answer passes conntrack and is translated back.

import { delay } from '../../lab/clock.js';
import type { LabHost } from '../../lab/lab.js';
import { takeState, takeSurroundings } from '../host-state.js';
import type { Incident, Stage, Truth } from '../incident.js';
import { knock } from '../path.js';
import { listenToEvents, playAll, serve, turnOnTracker } from '../scene.js';

const NODE = '192.0.2.1';
const SERVICE = '198.51.100.1';
const PORT = 8080;
const WISH = { backend: 'legacy' } as const;

interface Neighbours {
  readonly client: string;
  readonly server: string;
  readonly sport: number;
}

const PASSED_BY: Neighbours = { client: '192.0.2.101', server: '192.0.2.102', sport: 40101 };
const HOOKED: Neighbours = { client: '192.0.2.103', server: '192.0.2.104', sport: 40103 };

/** Hosts of a bridge need addresses of their own on the wire. */
async function join(node: LabHost, pod: LabHost, port: string, last: number): Promise<void> {
  const mac = (n: number) => `00:00:5e:00:53:${n.toString(16).padStart(2, '0')}`;
  await pod.run(`ip link set eth0 address ${mac(last)}`);
  await node.run(`ip link set ${port} address ${mac(last + 100)} master br0`);
  await pod.run(`ip route add default via ${NODE}`);
}

async function playBridge({ lab, observe }: Stage, { client: from, server: to, sport }: Neighbours, calls: 0 | 1) {
  const [client, node, server] = [await lab.addHost('client'), await lab.addHost('node'), await lab.addHost('server')];
  await node.run(`ip link add br0 type bridge && ip link set br0 up && ip addr add ${NODE}/24 dev br0`);
  for (const [pod, address, port] of [
    [client, from, 'port0'],
    [server, to, 'port1'],
  ] as const) {
    await lab.wire(
      { host: pod, interface: 'eth0', addresses: [`${address}/24`] },
      { host: node, interface: port, addresses: [] },
    );
    await join(node, pod, port, Number(address.split('.').at(-1)));
  }
  const bundle = observe(node);
  await turnOnTracker(node, bundle, {
    'ipv4.ip_forward': 1,
    'ipv4.conf.all.send_redirects': 0,
    'ipv4.conf.br0.send_redirects': 0,
    'bridge.bridge-nf-call-iptables': calls,
  });
  await playAll(node, [
    `iptables-legacy -t nat -A PREROUTING -d ${SERVICE} -p tcp --dport 80 -j DNAT --to-destination ${to}:${PORT}`,
    'iptables-legacy -A FORWARD -m conntrack --ctstate NEW -j LOG --log-prefix "FORWARD NEW: "',
  ]);
  const events = await listenToEvents(bundle);
  await takeState(bundle, 'before', WISH);
  await serve(server, PORT);
  await knock(client, SERVICE, 80, 4, `-p ${sport}`);
  await delay(250);
  await takeState(bundle, 'after', WISH);
  await takeSurroundings(bundle);
  await events.stop();
}

const truth: Truth = {
  class: 'bridge-path',
  cause: 'bridge-bypass',
  confidenceAtMost: 'certain',
  causeConfidenceAtMost: 'certain',
  outcome: 'OTHER',
  droppedBy: null,
  note: 'Entry SYN_SENT [UNREPLIED], sent to a neighbour; bridge-nf-call-iptables is 0; the SYN ACK reaches the client from the wrong address and is reset.',
};

export const bridgePath: Incident = {
  name: 'bridge-path',
  story:
    'Client and server are on one bridge; the client asks for 198.51.100.1:80, which the node translates to the server. bridge-nf-call-iptables ' +
    'is 0: the answer goes over the bridge straight, comes from the wrong address and is refused, again and again.',
  truth,
  kernelLogForm: 'dmesg',
  addresses: [PASSED_BY.client, PASSED_BY.server],
  proofs: [
    { file: 'conntrack-L.txt', pattern: /SYN_SENT src=192\.0\.2\.101 .*\[UNREPLIED\] src=192\.0\.2\.102 / },
    { file: 'sysctl.txt', pattern: /bridge-nf-call-iptables = 0/ },
  ],
  play: (stage) => playBridge(stage, PASSED_BY, 0),
};

export const bridgeHooked: Incident = {
  name: 'bridge-hooked',
  story:
    'The look-alike of bridge-path: the same bridge and the same service, with bridge-nf-call-iptables 1. The answer is translated back; all is well.',
  truth: {
    ...truth,
    class: 'normal',
    cause: null,
    causeConfidenceAtMost: null,
    outcome: 'NEW',
    note: 'Entry answered and closed; bridge-nf-call-iptables is 1.',
  },
  kernelLogForm: 'dmesg',
  addresses: [HOOKED.client, HOOKED.server],
  proofs: [
    { file: 'conntrack-E.txt', pattern: /\[UPDATE\].*SYN_RECV .*sport=40103/ },
    { file: 'sysctl.txt', pattern: /bridge-nf-call-iptables = 1/ },
  ],
  play: (stage) => playBridge(stage, HOOKED, 1),
};
