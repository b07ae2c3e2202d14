// What `npm start` and `npm test` do on a fresh clone: install once per lock file, build, then run. Uses nothing that is not in Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFolder = join(root, 'node_modules', '.ctwhy');

/** Runs a program in the clone, its output shown; returns whether it succeeded. */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) process.stderr.write(`${command}: ${result.error.message}\n`);
  return result.status === 0;
}

function fail(message, code = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function isInstalled(program) {
  return ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) =>
    existsSync(join(folder, program)),
  );
}

const isRoot = process.getuid?.() === 0;
const isDebian = existsSync('/etc/debian_version') && isInstalled('apt-get');

/** As root on Debian, brings packages; says in one line when it cannot. */
function bring(packages, why) {
  if (packages.length === 0) return true;
  if (!isRoot || !isDebian) {
    process.stderr.write(
      `not installed: ${packages.join(' ')} (${why}); ${isDebian ? 'run as root to have them installed' : 'install them with your package manager'}\n`,
    );
    return false;
  }
  process.stderr.write(`installing ${packages.join(' ')} (${why})\n`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env: environment, stdio: ['ignore', 'ignore', 'ignore'] };
  run('apt-get', ['update', '-qq'], quiet);
  // One at a time: a package that cannot be had must not keep the others away.
  const missing = packages.filter(
    (name) => !run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], quiet),
  );
  if (missing.length > 0) process.stderr.write(`could not be installed: ${missing.join(' ')}\n`);
  return missing.length === 0;
}

/** Dependencies, once per lock file and Node version (a native module belongs to one). */
function install() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const stamp = `${createHash('sha256').update(lock).digest('hex')} ${process.versions.modules}`;
  const stampFile = join(stampFolder, 'installed');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  process.stderr.write('installing dependencies (better-sqlite3 may compile: about a minute, once)\n');
  const ci = () => run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (!ci()) {
    const tools = [
      ['python3', 'python3'],
      ['make', 'make'],
      ['g++', 'g++'],
    ]
      .filter(([program]) => !isInstalled(program))
      .map(([, name]) => name);
    if (tools.length === 0 || !bring(tools, 'to compile better-sqlite3') || !ci())
      fail('npm ci failed: see its message above');
  }
  mkdirSync(stampFolder, { recursive: true });
  writeFileSync(stampFile, stamp);
}

/** Hash of everything the build reads. */
function sourceHash() {
  const hash = createHash('sha256');
  const visit = (folder) => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) visit(path);
      else hash.update(path.slice(root.length)).update('\0').update(readFileSync(path));
    }
  };
  visit(join(root, 'src'));
  for (const name of ['tsconfig.json', 'package-lock.json']) hash.update(readFileSync(join(root, name)));
  return hash.digest('hex');
}

function build() {
  const stamp = sourceHash();
  const stampFile = join(stampFolder, 'built');
  if (existsSync(join(root, 'dist', 'main.js')) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp)
    return;
  // A file that went from src must go from dist too.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  if (!run('node', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']))
    fail('the build failed: see the messages above');
  mkdirSync(stampFolder, { recursive: true });
  writeFileSync(stampFile, stamp);
}

/** Programs the live tests use: [program, Debian package]. */
const LIVE_PROGRAMS = [
  ['iptables', 'iptables'],
  ['nft', 'nftables'],
  ['conntrack', 'conntrack'],
  ['ip', 'iproute2'],
  ['sysctl', 'procps'],
  ['tcpdump', 'tcpdump'],
  ['xz', 'xz-utils'],
  ['zstd', 'zstd'],
];

/** Programs that boot other kernels (test/kernels/programs.ts says what each is for). */
const KERNEL_PROGRAMS = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['busybox', 'busybox-static'],
  ['depmod', 'kmod'],
  ['python3', 'python3'],
];

/** The live tests on other kernels. */
function testKernels(args) {
  const programs = [...LIVE_PROGRAMS, ...KERNEL_PROGRAMS];
  bring(
    programs.filter(([program]) => !isInstalled(program)).map(([, name]) => name),
    'for tests on other kernels',
  );
  process.exitCode = run('node', ['--import', 'tsx', 'test/kernels/run.ts', ...args]) ? 0 : 1;
}

function runVitest(reportName, args) {
  const report = join(stampFolder, reportName);
  rmSync(report, { force: true });
  const isGreen = run('node', [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...args,
  ]);
  return { isGreen, result: existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null };
}

/** Tests of a kernel and a clock that they share with everything else that runs. */
const SHARING = ['test/live/', 'test/limits/'].map((folder) => join(root, folder));

/**
 * Runs files with failed tests once more, with nothing beside them, where what runs beside them can be the reason.
 * Returns the names of the failed tests that passed then; a run says them, so that a test that wavers is seen.
 */
function passedAlone(result) {
  const failedIn = (one) => one.assertionResults.filter(({ status }) => status === 'failed');
  const files = result.testResults.filter((one) => failedIn(one).length > 0);
  if (
    files.length === 0 ||
    files.length > 3 ||
    !files.every(({ name }) => SHARING.some((folder) => name.startsWith(folder)))
  )
    return [];
  const names = files.flatMap((one) =>
    failedIn(one).map(({ fullName }) => `${one.name.slice(root.length)} > ${fullName}`),
  );
  process.stdout.write(`\nonce more, alone: ${files.map(({ name }) => name.slice(root.length)).join(' ')}\n`);
  const again = runVitest('vitest-again.json', ['--no-file-parallelism', ...files.map(({ name }) => name)]).result;
  const passedNow = new Set(
    (again?.testResults ?? []).flatMap((one) =>
      one.assertionResults
        .filter(({ status }) => status === 'passed')
        .map(({ fullName }) => `${one.name.slice(root.length)} > ${fullName}`),
    ),
  );
  return names.filter((name) => passedNow.has(name));
}

function test(args) {
  const wanted = LIVE_PROGRAMS.filter(([program]) => !isInstalled(program)).map(([, name]) => name);
  bring(wanted, 'for the live tests');
  let passed = 0;
  let failed = 0;
  // The checks count as tests: a badly formatted file or a type error fails the build.
  const checks =
    args.length > 0
      ? []
      : [
          ['formatting and lint', 'node_modules/@biomejs/biome/bin/biome', ['ci', '.', '--colors=off']],
          ['types', 'node_modules/typescript/bin/tsc', ['-p', 'test/tsconfig.json']],
        ];
  for (const [name, script, scriptArgs] of checks) {
    if (run('node', [script, ...scriptArgs])) passed++;
    else {
      failed++;
      process.stderr.write(`FAILED: ${name}\n`);
    }
  }
  const first = runVitest('vitest.json', args);
  let skipped = 0;
  if (first.result) {
    passed += first.result.numPassedTests;
    failed += first.result.numFailedTests;
    skipped = first.result.numPendingTests + first.result.numTodoTests;
    // A file that could not even be loaded has no failed test of its own.
    if (failed === 0 && !first.isGreen) failed++;
    const again = passedAlone(first.result);
    for (const name of again) process.stdout.write(`passed only alone, at a second try: ${name}\n`);
    passed += again.length;
    failed -= again.length;
  } else failed++;
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

/** What else than the way of a log can be measured: `npm run bench -- month --entries 2000`. */
const BENCHES = { month: 'snapshot-history', table: 'large-table' };

const [task, ...rest] = process.argv.slice(2);
install();
build();
if (task === 'test') test(rest);
else if (task === 'kernels') testKernels(rest);
else if (task === 'start')
  process.exitCode = run('node', ['bin/ctwhy.js', ...(rest.length > 0 ? rest : ['demo'])]) ? 0 : 1;
else if (task === 'bench') {
  const [script, args] = BENCHES[rest[0]] === undefined ? ['run', rest] : [BENCHES[rest[0]], rest.slice(1)];
  process.exitCode = run('node', ['--import', 'tsx', `test/bench/${script}.ts`, ...args]) ? 0 : 1;
} else if (task === 'record')
  process.exitCode = run('node', ['--import', 'tsx', 'test/record/record.ts', ...rest]) ? 0 : 1;
else fail('from-clone.js start|test|kernels|bench|record', 2);
