// nft's JSON as nft's text, so that both are understood by one reader (libnftables-json(5); what it does not describe is kept as JSON).

import { isRecord, type JsonValue } from './json-value.js';

/** Words for one statement of a rule's "expr" list. */
export function statementText(statement: JsonValue): string {
  if (!isRecord(statement)) return typeof statement === 'string' ? statement : opaque(statement);
  const [key, value] = Object.entries(statement)[0] ?? ['', null];
  switch (key) {
    case 'match':
      return isRecord(value) ? matchText(value) : opaque(statement);
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
    case 'notrack':
      return key;
    case 'jump':
    case 'goto':
      return isRecord(value) ? `${key} ${text(value['target'])}` : key;
    case 'counter':
      if (isRecord(value)) return `counter packets ${text(value['packets'])} bytes ${text(value['bytes'])}`;
      return typeof value === 'string' ? `counter name "${value}"` : 'counter';
    case 'mangle':
      return isRecord(value) ? `${expression(value['key'])} set ${expression(value['value'])}` : opaque(statement);
    case 'vmap':
      return isRecord(value) ? `${expression(value['key'])} vmap ${mapText(value['data'])}` : opaque(statement);
    case 'log':
      return logText(value ?? null);
    case 'limit':
      return limitText(value ?? null);
    case 'quota':
      return isRecord(value)
        ? `quota ${value['inv'] === true ? 'over ' : ''}${text(value['val'])} ${text(value['val_unit'])}`
        : `quota name "${text(value)}"`;
    case 'reject':
      return rejectText(value ?? null);
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return natText(key, value ?? null);
    case 'queue':
      return isRecord(value)
        ? `queue flags ${list(value['flags'])} to ${expression(value['num'])}`.replace('flags  ', '')
        : 'queue';
    case 'ct count':
      return isRecord(value)
        ? `ct count ${value['inv'] === true ? 'over ' : ''}${text(value['val'])}`
        : opaque(statement);
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
      return `${key} set "${text(value)}"`;
    case 'synproxy':
      return typeof value === 'string' ? `synproxy name "${value}"` : 'synproxy';
    case 'set':
    case 'map':
      return isRecord(value)
        ? `${text(value['op'])} ${text(value['set'])} { ${expression(value['elem'])}${dynamicText(value['stmt'])} }`
        : opaque(statement);
    case 'meter':
      return isRecord(value)
        ? `meter ${text(value['name'])} { ${expression(value['key'])} ${statementText(value['stmt'] ?? null)} }`
        : opaque(statement);
    case 'flow':
      return isRecord(value) ? `flow ${text(value['op'])} ${text(value['flowtable'])}` : opaque(statement);
    case 'dup':
      return isRecord(value)
        ? `dup to ${expression(value['addr'])}${value['dev'] === undefined ? '' : ` device ${expression(value['dev'])}`}`
        : opaque(statement);
    case 'fwd':
      return isRecord(value) ? `fwd to ${expression(value['dev'])}` : opaque(statement);
    case 'tproxy':
      return isRecord(value)
        ? `tproxy to ${value['addr'] === undefined ? '' : expression(value['addr'])}:${text(value['port'])}`
        : opaque(statement);
    case 'xt':
      return isRecord(value) ? `xt ${text(value['type'])} "${text(value['name'])}"` : opaque(statement);
    case 'last':
      return 'last';
    case 'comment':
      return `comment "${text(value)}"`;
    default:
      return opaque(statement);
  }
}

/** What is not known here becomes a match that cannot be evaluated. */
function opaque(value: JsonValue): string {
  return `xt match "${JSON.stringify(value).replaceAll('"', "'").slice(0, 200)}"`;
}

function text(value: JsonValue | undefined): string {
  return value === null || value === undefined ? '' : typeof value === 'object' ? expression(value) : String(value);
}

function list(value: JsonValue | undefined): string {
  return Array.isArray(value) ? value.map(text).join(',') : text(value);
}

function matchText(match: Readonly<Record<string, JsonValue>>): string {
  const operator = text(match['op']);
  const left = expression(match['left']);
  const right = match['right'] ?? null;
  const isFlags = / flags$|^ct (state|status)$|tcp flags &/.test(left) || left.includes('tcp flags');
  const sign =
    operator === 'in'
      ? ''
      : operator === '=='
        ? isFlags && !isSet(right) && (left === 'tcp flags' || left === 'ct status')
          ? '== '
          : ''
        : `${operator} `;
  // (flags & mask) == value has a spelling of its own, and a plain one that older versions print.
  const masked = /^tcp flags & \((.*)\)$/.exec(left);
  if (masked) return `tcp flags & (${masked[1]}) ${operator} ${flagsText(right)}`;
  if (right === true || right === false) return `${left} ${sign}${right ? 'exists' : 'missing'}`;
  if (/^[io]if(name)?$/.test(left) && typeof right === 'string' && !right.startsWith('@'))
    return `${left} ${sign}"${right}"`;
  return `${left} ${left.includes(' & ') && sign === '' ? '== ' : sign}${isFlags && Array.isArray(right) ? right.map(text).join(',') : expression(right)}`;
}

function isSet(value: JsonValue): boolean {
  return isRecord(value) && 'set' in value;
}

function flagsText(value: JsonValue): string {
  if (Array.isArray(value)) return `(${value.map(text).join('|')})`;
  return expression(value);
}

/** An expression: field, value, range, prefix, set, concatenation, arithmetic, map. */
export function expression(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return /[\s*#;{},"]/.test(value) ? `"${value}"` : value;
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(expression).join(',');
  const [key, inner = null] = Object.entries(value)[0] ?? ['', null];
  switch (key) {
    case 'meta':
      return isRecord(inner) ? `${/^[io]if/.test(text(inner['key'])) ? '' : 'meta '}${text(inner['key'])}` : 'meta';
    case 'ct':
      return isRecord(inner) ? ['ct', text(inner['dir']), text(inner['key'])].filter(Boolean).join(' ') : 'ct';
    case 'payload':
      if (!isRecord(inner)) return '';
      return inner['base'] === undefined
        ? `${text(inner['protocol'])} ${text(inner['field'])}`
        : `@${text(inner['base'])},${text(inner['offset'])},${text(inner['len'])}`;
    case 'tcp option':
    case 'exthdr':
      return isRecord(inner) ? `${key} ${[text(inner['name']), text(inner['field'])].filter(Boolean).join(' ')}` : key;
    case 'fib':
      return isRecord(inner)
        ? `fib ${(Array.isArray(inner['flags']) ? inner['flags'] : [inner['flags'] ?? '']).map(text).join(' . ')} ${text(inner['result'])}`
        : 'fib';
    case 'rt':
    case 'socket':
      return isRecord(inner) ? [key, text(inner['family']), text(inner['key'])].filter(Boolean).join(' ') : key;
    case 'numgen':
      return isRecord(inner)
        ? `numgen ${text(inner['mode'])} mod ${text(inner['mod'])} offset ${text(inner['offset'] ?? 0)}`
        : key;
    case 'jhash':
      return isRecord(inner) ? `jhash ${expression(inner['expr'])} mod ${text(inner['mod'])}` : key;
    case 'symhash':
      return isRecord(inner) ? `symhash mod ${text(inner['mod'])}` : key;
    case 'osf':
      return isRecord(inner) ? `osf ${text(inner['key'])}` : key;
    case 'ipsec':
      return isRecord(inner)
        ? ['ipsec', text(inner['dir']), text(inner['family']), text(inner['key'])].filter(Boolean).join(' ')
        : key;
    case 'concat':
      return Array.isArray(inner) ? inner.map(expression).join(' . ') : expression(inner);
    case 'prefix':
      return isRecord(inner) ? `${expression(inner['addr'])}/${text(inner['len'])}` : '';
    case 'range':
      return Array.isArray(inner) ? inner.map(expression).join('-') : '';
    case 'set':
      return Array.isArray(inner) ? `{ ${inner.map(elementText).join(', ')} }` : `{ ${elementText(inner)} }`;
    case 'map':
      return isRecord(inner) ? `${expression(inner['key'])} map ${mapText(inner['data'])}` : '';
    case 'elem':
      return isRecord(inner) ? expression(inner['val']) : '';
    case '&':
    case '|':
    case '^':
    case '<<':
    case '>>':
      return Array.isArray(inner) ? arithmetic(key, inner) : '';
    default:
      return JSON.stringify(value).replaceAll('"', "'");
  }
}

function arithmetic(sign: string, parts: readonly JsonValue[]): string {
  const [left, ...rest] = parts;
  return [
    expression(left),
    ...rest.map((part) => (Array.isArray(part) ? `(${part.map(text).join('|')})` : expression(part))),
  ].join(` ${sign} `);
}

/** One element of a set, or 'key : verdict' of a map. */
export function elementText(element: JsonValue): string {
  if (!Array.isArray(element)) return expression(element);
  const [key, value] = element;
  const verdict =
    isRecord(value) &&
    Object.keys(value).some((word) => ['accept', 'drop', 'jump', 'goto', 'return', 'continue', 'queue'].includes(word));
  return `${expression(key)} : ${verdict ? statementText(value ?? null) : expression(value)}`;
}

function mapText(data: JsonValue | undefined): string {
  return typeof data === 'string' ? data : expression(data);
}

function dynamicText(statements: JsonValue | undefined): string {
  return Array.isArray(statements) ? statements.map((one) => ` ${statementText(one)}`).join('') : '';
}

function logText(value: JsonValue): string {
  if (!isRecord(value)) return 'log';
  const words = ['log'];
  if (value['prefix'] !== undefined) words.push(`prefix "${text(value['prefix'])}"`);
  for (const key of ['level', 'group', 'snaplen', 'queue-threshold']) {
    if (value[key] !== undefined) words.push(`${key} ${text(value[key])}`);
  }
  const flags = value['flags'];
  for (const flag of Array.isArray(flags) ? flags : flags === undefined ? [] : [flags])
    words.push(`flags ${text(flag)}`);
  return words.join(' ');
}

function limitText(value: JsonValue): string {
  if (!isRecord(value)) return `limit name "${text(value)}"`;
  const unit = value['rate_unit'] === undefined ? '' : ` ${text(value['rate_unit'])}`;
  // nft's text leaves the usual burst of five packets out (src/statement.c: limit_stmt_print()).
  const burst = Number(value['burst'] ?? 5);
  const isUsual = unit === '' ? burst === 5 : burst === 0;
  return `limit rate ${value['inv'] === true ? 'over ' : ''}${text(value['rate'])}${unit}/${text(value['per'])}${isUsual ? '' : ` burst ${burst} ${text(value['burst_unit'] ?? 'packets')}`}`;
}

function rejectText(value: JsonValue): string {
  if (!isRecord(value) || value['type'] === undefined) return 'reject';
  const type = text(value['type']);
  if (type === 'tcp reset') return 'reject with tcp reset';
  if (type === 'icmpx' && value['expr'] === 'port-unreachable') return 'reject';
  return `reject with ${type} ${text(value['expr'])}`;
}

function natText(key: string, value: JsonValue): string {
  if (!isRecord(value)) return key;
  const address = value['addr'] === undefined ? '' : expression(value['addr']);
  const port = value['port'] === undefined ? '' : `:${expression(value['port'])}`;
  const bracketed = port !== '' && address.includes(':') && !address.includes(' ') ? `[${address}]` : address;
  const flags = value['flags'] === undefined ? '' : ` ${list(value['flags'])}`;
  const family = value['family'] === undefined ? '' : ` ${text(value['family'])}`;
  return `${key}${family}${address === '' && port === '' ? '' : ` to ${bracketed}${port}`}${flags}`;
}
