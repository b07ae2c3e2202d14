// Colour says how bad, weight says how sure, and a word says both. Roles, not colours, are what documents name.

import { styleText } from 'node:util';

export type Role = 'plain' | 'head' | 'bad' | 'warn' | 'good' | 'dim' | 'cmd' | 'certain' | 'likely' | 'possible';

const FORMATS: Readonly<Record<Role, Parameters<typeof styleText>[0] | null>> = {
  plain: null,
  head: 'bold',
  bad: 'red',
  warn: 'yellow',
  good: 'green',
  dim: 'gray',
  cmd: 'cyan',
  certain: 'bold',
  likely: null,
  possible: 'gray',
};

export type Style = (role: Role, text: string) => string;

/** The identity where colour is off. The decision is the stream's; styleText's own check is switched off (it asks the wrong stream). */
export function styleFor(isColoured: boolean): Style {
  return (role, text) => {
    const format = FORMATS[role];
    return isColoured && format !== null && text !== '' ? styleText(format, text, { validateStream: false }) : text;
  };
}
