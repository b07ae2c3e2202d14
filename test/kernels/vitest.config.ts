// The live tests within a guest: file by file, in the order asked, each told as soon as it is through.

import { mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { patient } from '../lab/clock.js';
import base from '../vitest.config.js';
import { fileReporter } from './file-reporter.js';

class AsAsked extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const asked = process.argv.filter((word) => word.endsWith('.test.ts'));
    const place = ({ moduleId }: TestSpecification): number => asked.findIndex((path) => moduleId.endsWith(path));
    return [...files].sort((a, b) => place(a) - place(b));
  }
}

export default mergeConfig(base, {
  test: {
    fileParallelism: false,
    // One process loads for all files what they share: in emulation that takes longer than many a file.
    isolate: false,
    reporters: ['verbose', fileReporter(process.env['CTWHY_TEST_RESULTS'])],
    // Many looks at what takes long delay it.
    expect: { poll: { interval: patient(50) } },
    sequence: { sequencer: AsAsked },
  },
});
