// The built program as one process that answers many command lines: on an emulated machine each start of Node takes seconds.
// Arguments: the folder of questions and answers, the program, and the namespace it was started in, if any. Reads a line of JSON for each
// question from the pipe `questions`; writes N.answer.

import { spawn } from 'node:child_process';
import { createReadStream, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { main } from '../../dist/main.js';
import { memoryStream } from '../../dist/presentation/streams.js';
import { realWorld } from '../../dist/world.js';

const [folder, program, netns] = process.argv.slice(2);
const real = realWorld('never');

for await (const line of createInterface({ input: createReadStream(`${folder}/questions`) })) {
  const { number, words, environment } = JSON.parse(line);
  const stream = () => memoryStream({ isTerminal: false, isColoured: false, width: Number(environment.COLUMNS) || 80 });
  const [out, err] = [stream(), stream()];
  const code = await main(words, {
    ...real,
    streams: { out, err },
    environment: { ...environment, ...(netns === undefined ? {} : { CTWHY_NETNS: netns }) },
    self: [process.execPath, program],
    programName: 'bin/ctwhy.js',
    signal: new AbortController().signal,
    stopOnSignals() {},
    ask: null,
    runAgainIn: (place) => runIn(place, words, { environment, out, err }),
  });
  writeFileSync(`${folder}/${number}.part`, JSON.stringify({ out: out.text(), err: err.text(), code }));
  renameSync(`${folder}/${number}.part`, `${folder}/${number}.answer`);
}

function runIn(place, words, { environment, out, err }) {
  return new Promise((resolve, reject) => {
    const env = { ...environment, CTWHY_NETNS: place };
    const child = spawn('nsenter', [`--net=/run/netns/${place}`, '--', process.execPath, program, ...words], { env });
    child.stdout.on('data', (text) => out.write(String(text)));
    child.stderr.on('data', (text) => err.write(String(text)));
    child.on('error', reject);
    child.on('close', resolve);
  });
}
