#!/usr/bin/env node
// Starts the program: checks Node's version, hands over the words, sets the exit code.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19) || major === 21 || (major === 22 && minor < 12)) {
  process.stderr.write(`ctwhy: needs Node 20.19 or newer (22.12 for 22), this is ${process.versions.node}\n`);
  process.exitCode = 3;
} else {
  const { start } = await import('../dist/start.js');
  process.exitCode = await start(process.argv.slice(2));
}
