/**
 * The meaning of a filter: a tree compiled into one closure over normalised properties.
 *
 * Comparison follows the type of the property, as OSGi has it: text as text, numbers as numbers, booleans ignoring case, versions as
 * versions; a multi-valued property (array or set) matches when one element does. A value that cannot be read as that type matches nothing.
 * Closures are built so that the common case, a text property, costs one property load and one comparison.
 */
import type { NormalisedProperties } from './filter-properties.js';
import type { FilterNode } from './filter-syntax.js';
import { Version } from './version.js';

/** A compiled filter. */
export type Match = (properties: NormalisedProperties) => boolean;
/** A test of one element. */
type Test = (value: unknown) => boolean;

/** Compiles a tree. */
export function compileMatch(node: FilterNode): Match {
  switch (node.kind) {
    case 'and':
      return allOf(node.nodes.map(compileMatch));
    case 'or':
      return anyOf(node.nodes.map(compileMatch));
    case 'not':
      return noneOf(compileMatch(node.node));
    case 'present':
      return presence(node.key);
    case 'equal':
      return equality(node.key, node.value);
    case 'substring':
      return onKey(node.key, substringTest(node));
    case 'approx':
      return onKey(node.key, approxTest(node.value));
    case 'atLeast':
    case 'atMost':
      return ordering(node.key, node.kind, node.value);
  }
}

function allOf(matches: readonly Match[]): Match {
  const [a, b, c] = matches as [Match, Match, Match];
  if (matches.length === 1) return a;
  if (matches.length === 2) return (p) => a(p) && b(p);
  if (matches.length === 3) return (p) => a(p) && b(p) && c(p);
  return (p) => {
    for (let i = 0; i < matches.length; i++) if (!(matches[i] as Match)(p)) return false;
    return true;
  };
}

function anyOf(matches: readonly Match[]): Match {
  const [a, b] = matches as [Match, Match];
  if (matches.length === 1) return a;
  if (matches.length === 2) return (p) => a(p) || b(p);
  return (p) => {
    for (let i = 0; i < matches.length; i++) if ((matches[i] as Match)(p)) return true;
    return false;
  };
}

function noneOf(match: Match): Match {
  return (p) => !match(p);
}

function presence(key: string): Match {
  return (p) => {
    const value = p[key];
    return value !== undefined && value !== null;
  };
}

function equality(key: string, text: string): Match {
  const other = elementsOf(equalTest(text));
  const number = operandOf(text).number;
  return (p) => {
    const value = p[key];
    if (typeof value === 'string') return value === text;
    return typeof value === 'number' ? value === number : value !== undefined && other(value);
  };
}

function ordering(key: string, kind: 'atLeast' | 'atMost', text: string): Match {
  const other = elementsOf(orderTest(kind, text));
  // NaN compares false with everything, as a text that is no number must.
  const number = operandOf(text).number ?? Number.NaN;
  if (kind === 'atLeast') {
    return (p) => {
      const value = p[key];
      return typeof value === 'number' ? value >= number : value !== undefined && other(value);
    };
  }
  return (p) => {
    const value = p[key];
    return typeof value === 'number' ? value <= number : value !== undefined && other(value);
  };
}

function onKey(key: string, test: Test): Match {
  const other = elementsOf(test);
  return (p) => {
    const value = p[key];
    return typeof value === 'string' ? test(value) : value !== undefined && other(value);
  };
}

/** Applies a test to a value or to each element of a multi-valued one. Elements are not searched further. */
function elementsOf(test: Test): Test {
  return (value) => {
    if (Array.isArray(value)) return value.some(test);
    if (value instanceof Set) {
      for (const element of value) if (test(element)) return true;
      return false;
    }
    return test(value);
  };
}

function equalTest(text: string): Test {
  const operand = operandOf(text);
  return (value) => {
    switch (typeof value) {
      case 'string':
        return value === text;
      case 'number':
        return value === operand.number;
      case 'bigint':
        // Loose on purpose: a bigint equals the number of the same amount.
        return operand.integer !== undefined && value == operand.integer;
      case 'boolean':
        return value === operand.boolean;
      default:
        return value instanceof Version && operand.version !== undefined && value.compare(operand.version) === 0;
    }
  };
}

function approxTest(text: string): Test {
  const equal = equalTest(text);
  const loose = looseText(text);
  return (value) => (typeof value === 'string' ? looseText(value) === loose : equal(value));
}

function orderTest(kind: 'atLeast' | 'atMost', text: string): Test {
  const equal = equalTest(text);
  const { number, integer, version } = operandOf(text);
  const up = kind === 'atLeast';
  return (value) => {
    switch (typeof value) {
      case 'string':
        return up ? value >= text : value <= text;
      case 'number':
        return number !== undefined && (up ? value >= number : value <= number);
      case 'bigint':
        return integer !== undefined && (up ? value >= integer : value <= integer);
      default:
        // Booleans have no order: like OSGi, `>=` and `<=` on them mean `=`.
        if (!(value instanceof Version)) return equal(value);
        return version !== undefined && (up ? value.compare(version) >= 0 : value.compare(version) <= 0);
    }
  };
}

function substringTest(node: Extract<FilterNode, { kind: 'substring' }>): Test {
  const { initial, any, final } = node;
  const only = any[0];
  if (initial === '' && final === '' && any.length === 1 && only !== undefined) {
    return (value) => typeof value === 'string' && value.includes(only);
  }
  return (value) => {
    if (typeof value !== 'string' || value.length < initial.length + final.length) return false;
    if (!value.startsWith(initial) || !value.endsWith(final)) return false;
    let at = initial.length;
    for (let i = 0; i < any.length; i++) {
      const part = any[i] as string;
      const found = value.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at + final.length <= value.length;
  };
}

/** A value of a filter read as every type it can be compared as. */
interface Operand {
  readonly number: number | undefined;
  /** Exact for whole numbers, so that a bigint property is compared without rounding. */
  readonly integer: bigint | number | undefined;
  readonly boolean: boolean | undefined;
  readonly version: Version | undefined;
}

const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;

/** Reads a filter value as number, boolean and version; white space around it is ignored for these types. */
export function operandOf(text: string): Operand {
  const bare = text.trim();
  const number = DECIMAL.test(bare) ? Number(bare) : undefined;
  const integer = INTEGER.test(bare) ? BigInt(bare.replace(/^\+/, '')) : number;
  const word = bare.toLowerCase();
  const boolean = word === 'true' ? true : word === 'false' ? false : undefined;
  return { number, integer, boolean, version: Version.tryParse(bare) };
}

function looseText(text: string): string {
  return text.replace(/\s+/g, '').toLowerCase();
}
