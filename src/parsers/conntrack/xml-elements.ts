// A reader for the little XML that conntrack writes: elements, attributes, text, the predefined and numeric entities. Nothing else is XML here.

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Text directly inside, entities resolved, blanks around it removed. */
  readonly text: string;
}

export interface XmlProblem {
  readonly reason: string;
  /** Column in the text, from 0. */
  readonly at: number;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const DEEPEST = 16;
const NAME = /[A-Za-z_][\w.:-]*/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;

/** Text with its entities resolved; an unknown one stays as printed. */
export function unescaped(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));/g, (printed, decimal, hex, name) => {
    const code = decimal === undefined ? (hex === undefined ? null : Number.parseInt(hex, 16)) : Number(decimal);
    if (code !== null) return code <= 0x10ffff ? String.fromCodePoint(code) : printed;
    return Object.hasOwn(ENTITIES, name) ? ENTITIES[name]! : printed;
  });
}

interface OpenElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  text: string;
}

const closed = ({ name, attributes, children, text }: OpenElement): XmlElement => ({
  name,
  attributes,
  children,
  text: unescaped(text.trim()),
});

/**
 * Reads one whole element that begins at `from`.
 * @returns the element, or why it is none. Comments and declarations inside are refused: conntrack writes none. Never throws.
 */
export function readElement(xml: string, from: number): XmlElement | XmlProblem {
  const open: OpenElement[] = [];
  let at = from;
  for (;;) {
    const tagAt = xml.indexOf('<', at);
    if (tagAt < 0) return { reason: 'an element does not end', at };
    const inside = open.at(-1);
    if (inside !== undefined) inside.text += xml.slice(at, tagAt);
    const isEnd = xml.charCodeAt(tagAt + 1) === 47;
    NAME.lastIndex = tagAt + (isEnd ? 2 : 1);
    const named = NAME.exec(xml);
    if (named === null) return { reason: 'not a tag', at: tagAt };
    at = NAME.lastIndex;
    if (isEnd) {
      TAG_END.lastIndex = at;
      if (inside === undefined || inside.name !== named[0] || TAG_END.exec(xml)?.[1] !== '')
        return { reason: `</${named[0]}> ends nothing that is open`, at: tagAt };
      at = TAG_END.lastIndex;
      open.pop();
      const outer = open.at(-1);
      if (outer === undefined) return closed(inside);
      outer.children.push(closed(inside));
      continue;
    }
    const attributes = new Map<string, string>();
    for (;;) {
      ATTRIBUTE.lastIndex = at;
      const attribute = ATTRIBUTE.exec(xml);
      if (attribute === null) break;
      attributes.set(attribute[1]!, unescaped(attribute[2] ?? attribute[3]!));
      at = ATTRIBUTE.lastIndex;
    }
    TAG_END.lastIndex = at;
    const end = TAG_END.exec(xml);
    if (end === null) return { reason: `<${named[0]}> is cut`, at: tagAt };
    at = TAG_END.lastIndex;
    const element: OpenElement = { name: named[0], attributes, children: [], text: '' };
    if (end[1] !== '/') {
      if (open.length >= DEEPEST) return { reason: 'elements lie too deep', at: tagAt };
      open.push(element);
    } else if (inside === undefined) return closed(element);
    else inside.children.push(closed(element));
  }
}

/** The first child of a name, or NULL. */
export function child(element: XmlElement | null, name: string): XmlElement | null {
  return element?.children.find((one) => one.name === name) ?? null;
}
