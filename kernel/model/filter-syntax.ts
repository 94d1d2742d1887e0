/**
 * The text of a filter, read once into a tree. RFC 4515 as OSGi Core R8 section 3.2.7 reads it.
 *
 * Owned here: grammar, white space, escapes and the position of every mistake. What a node means is filter-match.ts.
 * White space is ignored around parentheses, operators and attribute names; inside a value every character counts.
 * Escapes: a backslash with two hexadecimal digits is a byte of UTF-8 (RFC 4515: `\2a` is `*`); before anything else it makes the next
 * character plain (OSGi: `\*`, `\(`, `\)`, `\\`). `*` is a wildcard only after `=`; after `>=`, `<=` and `~=` it is itself.
 */
import { SluiceError } from '@sluice/sdk';

/** Longest filter that is read. */
export const FILTER_LENGTH_MAX = 8_192;
/** Deepest nesting that is read, so that no filter can exhaust the stack. */
export const FILTER_DEPTH_MAX = 64;

/** A parsed filter. Keys are in lower case. */
export type FilterNode =
  | { readonly kind: 'and' | 'or'; readonly nodes: readonly FilterNode[] }
  | { readonly kind: 'not'; readonly node: FilterNode }
  | { readonly kind: 'present'; readonly key: string }
  | { readonly kind: 'equal' | 'approx' | 'atLeast' | 'atMost'; readonly key: string; readonly value: string }
  | { readonly kind: 'substring'; readonly key: string; readonly initial: string; readonly any: readonly string[]; readonly final: string };

/**
 * Reads a filter.
 * @throws SluiceError `FILTER_INVALID` with `details` { filter, position, found, expected }
 */
export function readFilter(text: string): FilterNode {
  if (typeof text !== 'string') throw new FilterReader('').fail('a text', typeof text);
  if (text.length > FILTER_LENGTH_MAX)
    throw new FilterReader(text).fail(`at most ${FILTER_LENGTH_MAX} characters`, `${text.length} characters`);
  return new FilterReader(text).read();
}

/** Canonical text of a tree: lower-case keys, no white space, RFC 4515 escapes. */
export function writeFilter(node: FilterNode): string {
  switch (node.kind) {
    case 'and':
      return `(&${node.nodes.map(writeFilter).join('')})`;
    case 'or':
      return `(|${node.nodes.map(writeFilter).join('')})`;
    case 'not':
      return `(!${writeFilter(node.node)})`;
    case 'present':
      return `(${node.key}=*)`;
    case 'equal':
      return `(${node.key}=${escapeValue(node.value)})`;
    case 'approx':
      return `(${node.key}~=${escapeValue(node.value)})`;
    case 'atLeast':
      return `(${node.key}>=${escapeValue(node.value)})`;
    case 'atMost':
      return `(${node.key}<=${escapeValue(node.value)})`;
    case 'substring':
      return `(${node.key}=${[node.initial, ...node.any, node.final].map(escapeValue).join('*')})`;
  }
}

/** Escapes a text so that it stands for itself in a filter value. */
export function escapeValue(text: string): string {
  return text.replace(/[\\*()\0]/g, (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const SPACE = /\s/;
const HEX_PAIR = /^[0-9a-fA-F]{2}$/;

class FilterReader {
  private position = 0;

  constructor(private readonly text: string) {}

  read(): FilterNode {
    const node = this.readNode(0);
    this.skipSpace();
    if (this.position < this.text.length) throw this.fail('the end of the filter');
    return node;
  }

  private readNode(depth: number): FilterNode {
    this.skipSpace();
    if (depth >= FILTER_DEPTH_MAX) throw this.fail(`at most ${FILTER_DEPTH_MAX} levels of nesting`);
    this.expect('(');
    this.skipSpace();
    const node = this.readInside(depth);
    this.skipSpace();
    this.expect(')');
    return node;
  }

  private readInside(depth: number): FilterNode {
    switch (this.text[this.position]) {
      case '&':
        return { kind: 'and', nodes: this.readNodes(depth) };
      case '|':
        return { kind: 'or', nodes: this.readNodes(depth) };
      case '!':
        this.position++;
        return { kind: 'not', node: this.readNode(depth + 1) };
      default:
        return this.readItem();
    }
  }

  private readNodes(depth: number): readonly FilterNode[] {
    this.position++;
    const nodes: FilterNode[] = [];
    do {
      nodes.push(this.readNode(depth + 1));
      this.skipSpace();
    } while (this.text[this.position] === '(');
    return nodes;
  }

  private readItem(): FilterNode {
    const key = this.readKey();
    const [first, second] = [this.text[this.position], this.text[this.position + 1]];
    if (first === '=') {
      this.position++;
      return itemOf(key, this.readValue(true));
    }
    const kind = second !== '=' ? undefined : first === '~' ? 'approx' : first === '>' ? 'atLeast' : first === '<' ? 'atMost' : undefined;
    if (kind === undefined) throw this.fail("one of '=', '~=', '>=', '<='");
    this.position += 2;
    return { kind, key, value: this.readValue(false)[0] as string };
  }

  private readKey(): string {
    const begin = this.position;
    while (this.position < this.text.length && !'~<>=()'.includes(this.text[this.position] as string)) this.position++;
    const key = this.text.slice(begin, this.position).trim();
    if (key === '') throw this.fail('the name of a property');
    // `:=` is the extensible match of RFC 4515, which OSGi does not have.
    if (key.endsWith(':')) throw this.fail("one of '=', '~=', '>=', '<='", "':='");
    return key.toLowerCase();
  }

  /** The value up to the closing parenthesis, cut at its wildcards. */
  private readValue(wildcards: boolean): readonly string[] {
    const parts: string[] = [];
    let part = '';
    for (;;) {
      const char = this.text[this.position];
      if (char === undefined) throw this.fail("')'");
      if (char === '(') throw this.fail("a value, in which '(' is written \\28");
      if (char === ')') break;
      if (char === '\\') {
        part += this.readEscape();
      } else {
        this.position++;
        if (char === '*' && wildcards) {
          parts.push(part);
          part = '';
        } else {
          part += char;
        }
      }
    }
    return [...parts, part];
  }

  private readEscape(): string {
    const begin = this.position;
    const bytes: number[] = [];
    while (this.text[this.position] === '\\' && HEX_PAIR.test(this.text.slice(this.position + 1, this.position + 3))) {
      bytes.push(Number.parseInt(this.text.slice(this.position + 1, this.position + 3), 16));
      this.position += 3;
    }
    if (bytes.length === 0) {
      this.position++;
      const char = this.text[this.position];
      if (char === undefined) throw this.fail('a character after the backslash');
      this.position++;
      return char;
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    } catch {
      const found = this.text.slice(begin, this.position);
      this.position = begin;
      throw this.fail('escaped bytes that are UTF-8 (a backslash itself is written \\5c)', `'${found}'`);
    }
  }

  private skipSpace(): void {
    while (this.position < this.text.length && SPACE.test(this.text[this.position] as string)) this.position++;
  }

  private expect(char: string): void {
    if (this.text[this.position] !== char) throw this.fail(`'${char}'`);
    this.position++;
  }

  fail(expected: string, foundText?: string): SluiceError {
    const char = this.text[this.position];
    const found = foundText ?? (char === undefined ? 'the end' : `'${char}'`);
    const filter = this.text.length > 200 ? `${this.text.slice(0, 200)}...` : this.text;
    const remedy = 'Write a filter such as (&(currency=CNY)(!(test=true))).';
    return new SluiceError(
      'FILTER_INVALID',
      `Cannot read the filter '${filter}': found ${found} at position ${this.position}, expected ${expected}. ${remedy}`,
      { details: { filter, position: this.position, found, expected }, remedy },
    );
  }
}

function itemOf(key: string, parts: readonly string[]): FilterNode {
  if (parts.length === 1) return { kind: 'equal', key, value: parts[0] as string };
  // Several wildcards in a row are one; a value of nothing but wildcards asks for presence.
  if (parts.every((part) => part === '')) return { kind: 'present', key };
  return {
    kind: 'substring',
    key,
    initial: parts[0] as string,
    any: parts.slice(1, -1).filter((part) => part !== ''),
    final: parts[parts.length - 1] as string,
  };
}
