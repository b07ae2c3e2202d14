// The real program's first and last step: build the real world, run, let everything written leave before the process ends.

import { main } from './main.js';
import { realWorld } from './world.js';

function colourOption(words: readonly string[]): 'always' | 'never' | 'auto' {
  const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (own.includes('--no-color')) return 'never';
  const at = own.findIndex((word) => word === '--color' || word.startsWith('--color='));
  const value = at < 0 ? 'auto' : own[at] === '--color' ? own[at + 1] : own[at]?.slice('--color='.length);
  return value === 'always' || value === 'never' ? value : 'auto';
}

/** Runs the program on the words given and returns its exit code. */
export async function start(words: readonly string[]): Promise<number> {
  const world = realWorld(colourOption(words));
  const code = await main(words, world);
  await Promise.all([world.streams.out.flushed(), world.streams.err.flushed()]);
  return world.streams.out.isClosed() ? 0 : code;
}
