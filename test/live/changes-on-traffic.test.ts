// What the changes show of real traffic: a client behind a firewall that translates addresses, a server, and rules of both kinds.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../helpers/run-command.js';
import { type BuiltProgram, builtProgram, PROGRAM } from '../lab/built-program.js';
import { delay, patient } from '../lab/clock.js';
import { type Lab, type LabHost, openLab, whyNoLab } from '../lab/lab.js';

const why = whyNoLab();
const LIMIT_MS = patient(180_000);
const SERVER = `import socket,sys
s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('0.0.0.0', 8080)); s.listen(8)
print('ready', flush=True)
while True:
    c,_=s.accept(); c.recv(10); c.sendall(b'x'); c.close()`;
const CLIENT = `import socket
c=socket.create_connection(('198.51.100.2', 8080), 5); c.sendall(b'q'); c.recv(10); c.close()`;

describe.skipIf(why !== null)(`changes on traffic${why === null ? '' : ` (${why})`}`, () => {
  let lab: Lab;
  let [client, firewall, server]: LabHost[] = [];
  let folder: string;
  let program: BuiltProgram | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ctwhy-traffic-'));
    program = builtProgram(folder);
    lab = openLab();
    client = await lab.addHost('c');
    firewall = await lab.addHost('f');
    server = await lab.addHost('s');
    await lab.wire(
      { host: client, interface: 'eth0', addresses: ['192.0.2.2/24'] },
      { host: firewall, interface: 'lan0', addresses: ['192.0.2.1/24'] },
    );
    await lab.wire(
      { host: firewall, interface: 'wan0', addresses: ['198.51.100.1/24'] },
      { host: server, interface: 'eth0', addresses: ['198.51.100.2/24'] },
    );
    await client.run('ip route add default via 192.0.2.1');
    await firewall.setSysctls({ 'ipv4.ip_forward': 1 });
    await firewall.run('iptables-legacy -t nat -A POSTROUTING -o wan0 -j MASQUERADE');
    await firewall.run('iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP');
    await firewall.run('nft add table ip mine');
    await firewall.run("nft add chain ip mine forward '{ type filter hook forward priority 10; }'");
    await firewall.run('nft add rule ip mine forward tcp dport 8080 counter accept');
    writeFileSync(join(folder, 'server.py'), SERVER);
    writeFileSync(join(folder, 'client.py'), CLIENT);
    const listening = server.start(`python3 ${join(folder, 'server.py')}`);
    for (let tries = 0; tries < 200 && !listening.output().includes('ready'); tries++) await delay(100);
  }, LIMIT_MS);
  afterAll(() => {
    ctwhy('undo', '--all');
    lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ctwhy = (...args: readonly string[]) => program!.run(args);
  const there = (...args: readonly string[]) => program!.runIn(firewall!.namespace, args);
  const idOf = (out: string) => /^(C\d+) /.exec(out)![1]!;
  /** Lines of the kernel log that hold all of these words. */
  const logged = (...words: readonly string[]) =>
    spawnSync('dmesg', { encoding: 'utf8', maxBuffer: 1 << 26 })
      .stdout.split('\n')
      .filter((line) => words.every((word) => line.includes(word)));
  const connect = () => client!.run(`python3 ${join(folder, 'client.py')}`);

  it(
    'traces both directions through NAT, in nft and in legacy tables, and counts what it saw',
    async () => {
      const monitor = firewall!.start('nft monitor trace');
      const made = there('trace', 'add', '-p', 'tcp', '-s', '192.0.2.2', '--dport', '8080', '--yes');
      expect(made.code, made.err).toBe(0);
      expect(made.out).toContain('nft monitor trace');
      expect(made.out).toContain('kernel log');
      await connect();
      const shows = (pattern: RegExp) =>
        expect.poll(() => monitor.output(), { timeout: patient(20_000), interval: 200 }).toMatch(pattern);
      await shows(/ip mine forward rule tcp dport 8080/);
      // The answers come to the translated address; behind conntrack they are found by their connection.
      await shows(/ip saddr 198\.51\.100\.2 ip daddr 192\.0\.2\.2/);
      await monitor.stop();
      // dport 8080 outwards in the legacy tables, sport 8080 back.
      expect(logged('TRACE: filter:FORWARD:', 'SRC=192.0.2.2', 'DPT=8080').length).toBeGreaterThan(0);
      expect(logged('TRACE: filter:FORWARD:', 'SRC=198.51.100.2', 'SPT=8080').length).toBeGreaterThan(0);
      const counts = /(\d+) packets seen, (\d+) shown/.exec(ctwhy('changes', 'show', idOf(made.out)).out)!;
      expect(Number(counts[1])).toBeGreaterThan(6);
      expect(ctwhy('undo', idOf(made.out)).code).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'limits the lines of a flow and counts all of its packets',
    async () => {
      const made = there('tag', 'add', '--dport', '8080', '--limit', '1/hour', '--yes');
      expect(made.code, made.err).toBe(0);
      for (let round = 0; round < 3; round++) await connect();
      const counts = /(\d+) packets seen, (\d+) shown/.exec(ctwhy('changes', 'show', idOf(made.out)).out)!;
      expect(Number(counts[1])).toBeGreaterThan(Number(counts[2]));
      expect(logged(`ctwhy:${idOf(made.out)}:NEW`, 'SRC=192.0.2.2').length).toBeGreaterThan(0);
      expect(ctwhy('undo', idOf(made.out)).code).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'has log_invalid say why, and explains it from the kernel log',
    async () => {
      const made = there('log-invalid', 'enable', '-p', 'tcp', '--yes');
      expect(made.code, made.err).toBe(0);
      const port = 20_000 + (process.pid % 20_000);
      // All flags at once: every kernel refuses that, and has words for it.
      await client!.run(
        `python3 ${join(REPOSITORY, 'test/lab/raw-tcp.py')} --help >/dev/null 2>&1; python3 -c "
import socket,struct
s=socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
def sum16(d):
    t=sum(struct.unpack('!%dH'%(len(d)//2), d)); t=(t>>16)+(t&0xffff); t+=t>>16; return ~t&0xffff
h=struct.pack('!HHIIBBHHH', ${port}, 8080, 1, 1, 5<<4, 0x3f, 512, 0, 0)
p=socket.inet_aton('192.0.2.2')+socket.inet_aton('198.51.100.2')+struct.pack('!BBH',0,6,len(h))
h=h[:16]+struct.pack('!H', sum16(p+h))+h[18:]
s.sendto(h, ('198.51.100.2', 0))"`,
      );
      await expect
        .poll(() => logged('nf_ct_proto_6', `SPT=${port}`).length, { timeout: patient(20_000) })
        .toBeGreaterThan(0);
      expect(ctwhy('undo', idOf(made.out)).code).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'puts legacy TRACE rules into raw when asked to, and takes them out',
    async () => {
      const before = (
        await firewall!.run('iptables-legacy-save -t nat; iptables-legacy-save -t filter')
      ).stdout.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
      const made = there(
        'trace',
        'add',
        '-p',
        'tcp',
        '--dport',
        '8080',
        '-4',
        '--backend',
        'legacy',
        '--bpf',
        'tcp port 8080',
        '--yes',
      );
      expect(made.code, made.err).toBe(0);
      expect(made.out).toContain('the legacy table raw of IPv4, empty: the kernel keeps it');
      expect((await firewall!.run('iptables-legacy-save -t raw')).stdout).toMatch(
        /-m bpf .*ctwhy:C\d+:1.*-j TRACE|ctwhy:C\d+:1.*-j TRACE/,
      );
      await connect();
      expect(logged('TRACE: nat:POSTROUTING', 'SRC=192.0.2.2').length).toBeGreaterThan(0);
      expect(ctwhy('undo', idOf(made.out)).code).toBe(0);
      expect((await firewall!.run('iptables-legacy-save -t raw')).stdout).not.toContain('TRACE');
      const after = (
        await firewall!.run('iptables-legacy-save -t nat; iptables-legacy-save -t filter')
      ).stdout.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
      expect(after).toBe(before);
    },
    LIMIT_MS,
  );

  it(
    'refuses to print about the SSH session, found by its socket, however the filter is spelled',
    async () => {
      // A program of that name that holds a connection, as sshd does.
      const fake = join(folder, 'sshd');
      copyFileSync(realpathSync(process.execPath), fake);
      spawnSync('chmod', ['755', fake]);
      const listener = firewall!.start(
        `${fake} -e "require('net').createServer(c=>c.write('x')).listen(2222,'192.0.2.1',()=>console.log('ready'))"`,
      );
      await expect.poll(() => listener.output(), { timeout: patient(20_000) }).toContain('ready');
      const session = client!.start(
        'python3 -c "import socket,time; c=socket.create_connection((\'192.0.2.1\',2222)); print(c.recv(1),flush=True); time.sleep(100)"',
      );
      await expect.poll(() => session.output(), { timeout: patient(20_000) }).toContain('x');
      for (const filter of [
        ['--dport', '2222'],
        ['-s', '192.0.2.2'],
        ['-s', '192.0.2.0/28'],
        ['-d', '192.0.2.2', '-p', 'tcp'],
      ]) {
        const { code, err } = there('trace', 'add', '--yes', ...filter);
        expect(code, filter.join(' ')).toBe(4);
        expect(err).toContain('--allow ssh');
      }
      expect(there('trace', 'add', '--dport', '8080', '--dry-run').code).toBe(0);
      await session.stop();
      await listener.stop();
    },
    LIMIT_MS,
  );

  it(
    'breaks off above 1,000 lines a second, and says why',
    async () => {
      const made = there('log-invalid', 'enable', '-p', 'tcp', '--yes');
      expect(made.code, made.err).toBe(0);
      const id = idOf(made.out);
      // The kernel log is everybody's: a port that no other test listens for.
      const flood = client!.start(
        `python3 -c "
import socket,struct,time
s=socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
end=time.time()+${patient(60)}
while time.time()<end:
    for n in range(200):
        s.sendto(struct.pack('!HHIIBBHHH', 1024+n, 9, 1, 1, 5<<4, 0x3f, 512, 0, 0), ('198.51.100.2', 0))
"`,
      );
      const journal = () =>
        JSON.parse(readFileSync(join(folder, 'journal', `${id}.json`), 'utf8')) as {
          state: string;
          result: { how: string; note: string } | null;
        };
      await expect.poll(() => journal().state, { timeout: patient(60_000), interval: 500 }).toBe('ended');
      await flood.stop();
      expect(journal().result).toMatchObject({ how: 'breaker', note: expect.stringMatching(/lines\/s/) });
      const value = await firewall!.run('sysctl -n net.netfilter.nf_conntrack_log_invalid');
      expect(value.stdout.trim()).toBe('0');
    },
    LIMIT_MS,
  );

  it(
    'undoes on a full disk, without a store, and with a damaged one',
    async () => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]).status).toBe(0);
      try {
        const environment = {
          PATH: process.env['PATH'],
          HOME: folder,
          COLUMNS: '80',
          CTWHY_CHANGES: join(disk, 'journal'),
          CTWHY_DB: join(folder, 'damaged.db'),
        };
        writeFileSync(join(folder, 'damaged.db'), 'no database');
        const run = (...args: readonly string[]) =>
          spawnSync(process.execPath, [PROGRAM, ...args], {
            cwd: REPOSITORY,
            encoding: 'utf8',
            env: environment,
          });
        const before = (await firewall!.run('nft -s list ruleset')).stdout;
        const made = run('tag', 'add', '--dport', '25', '--yes', '--netns', firewall!.namespace);
        expect(made.status, made.stderr).toBe(0);
        spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'fill')}`, 'bs=4k'], { stdio: 'ignore' });
        const undone = run('undo', '--all');
        expect(undone.status, undone.stderr).toBe(0);
        expect((await firewall!.run('nft -s list ruleset')).stdout).toBe(before);
        expect(run('changes').stdout).not.toContain('tag');
        const refused = run('tag', 'add', '--dport', '25', '--yes', '--netns', firewall!.namespace);
        expect(refused.status).toBe(4);
        expect(refused.stderr).toContain('nothing was changed');
        expect((await firewall!.run('nft -s list ruleset')).stdout).toBe(before);
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    },
    LIMIT_MS,
  );
});
