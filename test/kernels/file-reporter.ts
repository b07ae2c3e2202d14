// What came of each test file, told as soon as the file is through: in an emulated guest the whole run may take hours, or break off.

import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter } from 'vitest/node';
import type { FileCounts } from './results.js';

const MESSAGE_LENGTH = 1000;

/** Appends one line of JSON for each test file to the file `path`; without one it tells nothing. */
export function fileReporter(path: string | undefined): Reporter {
  return {
    onTestModuleEnd(module) {
      const tests = [...module.children.allTests()];
      const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
      const failures = tests.flatMap((test) => {
        const { state, errors } = test.result();
        return state === 'failed' ? [`${test.fullName}: ${tellErrors(errors ?? [])}`] : [];
      });
      // Without a failed test a file has failed where it could not be loaded, or a hook of it failed.
      if (failures.length === 0 && module.state() === 'failed') {
        const suites = [...module.children.allSuites()].flatMap((suite) => suite.errors());
        failures.push(`outside of the tests: ${tellErrors([...module.errors(), ...suites])}`);
      }
      const told: FileCounts = {
        file: relative(process.cwd(), module.moduleId),
        passed: count('passed'),
        failed: failures.length,
        skipped: count('skipped'),
        seconds: Math.round(module.diagnostic().duration / 1000),
        failures,
      };
      if (path !== undefined) appendFileSync(path, `${JSON.stringify(told)}\n`);
    },
  };
}

/** Message and place of each, without colours. */
function tellErrors(errors: readonly { readonly message: string; readonly stack?: string | undefined }[]): string {
  return errors
    .map(({ message, stack }) => {
      const place = stack?.split('\n').find((line) => /\.test\.ts:\d/.test(line)) ?? '';
      return stripVTControlCharacters(`${message.slice(0, MESSAGE_LENGTH)} ${place.trim()}`);
    })
    .join('; ');
}
