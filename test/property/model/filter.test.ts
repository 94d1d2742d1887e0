/**
 * Filters against a reference: the same trees evaluated by the plainest code that can say what RFC 4515 means, without a parser, without
 * compiling, without normalised properties.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isSluiceError } from '@sluice/sdk';
import { escapeValue, indexKeysOf, normaliseProperties, parseFilter, Version } from '@sluice/kernel/model/index';

type Tree =
  | { readonly op: 'and' | 'or'; readonly trees: readonly Tree[] }
  | { readonly op: 'not'; readonly tree: Tree }
  | { readonly op: '=' | '~=' | '>=' | '<='; readonly key: string; readonly value: string }
  | { readonly op: 'like'; readonly key: string; readonly parts: readonly string[] };

const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'ab',
    'abc',
    'A b',
    ' a',
    '*',
    '(x)',
    '\\',
    'ü',
    '1',
    '01',
    '1.0',
    '1.5',
    '-2',
    '1e1',
    '10',
    'true',
    'FALSE',
    '1.2.3',
    '1.10',
  ),
  fc.string({ maxLength: 4 }),
);
const key = fc.constantFrom('a', 'B', 'cc', 'service.id');
const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ op: fc.constantFrom('=' as const, '~=' as const, '>=' as const, '<=' as const), key, value: text }),
    fc.record({ op: fc.constant('like' as const), key, parts: fc.array(text, { minLength: 2, maxLength: 4 }) }),
    fc.record({ op: fc.constantFrom('and' as const, 'or' as const), trees: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }) }),
    fc.record({ op: fc.constant('not' as const), tree: tie('tree') }),
  ),
})).tree;

const scalar: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom(1, 1.5, -2, 10, 0, -0, Number.NaN, 1e21),
  fc.boolean(),
  fc.constantFrom(1n, 10n, 10n ** 21n),
  fc.constantFrom('1.2.3', '1.10.0', '1.2.3-rc.1', '1.2.3.q').map((version) => Version.parse(version)),
  fc.constantFrom(null, undefined, {}, Symbol('x')),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.array(scalar, { maxLength: 3 }).map((elements) => new Set(elements)),
);
const properties = fc.dictionary(fc.constantFrom('a', 'b', 'CC', 'Service.ID'), value);

/** The text of a tree. Upper case of the key is kept, to see that it does not matter. */
function write(node: Tree): string {
  switch (node.op) {
    case 'and':
      return `(&${node.trees.map(write).join('')})`;
    case 'or':
      return `(|${node.trees.map(write).join('')})`;
    case 'not':
      return `(!${write(node.tree)})`;
    case 'like':
      return `(${node.key}=${node.parts.map(escapeValue).join('*')})`;
    default:
      return `(${node.key}${node.op}${escapeValue(node.value)})`;
  }
}

/** What a tree means. */
function evaluate(node: Tree, given: Record<string, unknown>): boolean {
  switch (node.op) {
    case 'and':
      return node.trees.every((inner) => evaluate(inner, given));
    case 'or':
      return node.trees.some((inner) => evaluate(inner, given));
    case 'not':
      return !evaluate(node.tree, given);
    default: {
      const found = Object.keys(given).find((name) => name.toLowerCase() === node.key.toLowerCase());
      const property = found === undefined ? undefined : given[found];
      if (node.op === 'like' && node.parts.every((part) => part === '')) return property !== undefined && property !== null;
      const elements: unknown[] = Array.isArray(property) ? property : property instanceof Set ? [...property] : [property];
      return elements.some((element) => (node.op === 'like' ? isLike(element, node.parts) : compares(element, node.op, node.value)));
    }
  }
}

function isLike(element: unknown, parts: readonly string[]): boolean {
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('[^]*');
  return typeof element === 'string' && new RegExp(`^${pattern}$`).test(element);
}

function compares(element: unknown, op: '=' | '~=' | '>=' | '<=', operand: string): boolean {
  if (typeof element === 'string') {
    const loose = (from: string) => from.replace(/\s+/g, '').toLowerCase();
    return op === '='
      ? element === operand
      : op === '~='
        ? loose(element) === loose(operand)
        : op === '>='
          ? element >= operand
          : element <= operand;
  }
  const bare = operand.trim();
  if (typeof element === 'boolean') return bare.toLowerCase() === String(element);
  const order = element instanceof Version ? orderOfVersion(element, bare) : orderOfNumber(element, bare);
  if (order === undefined) return false;
  return op === '>=' ? order >= 0 : op === '<=' ? order <= 0 : order === 0;
}

function orderOfVersion(element: Version, operand: string): number | undefined {
  const version = Version.tryParse(operand);
  return version === undefined ? undefined : element.compare(version);
}

function orderOfNumber(element: unknown, operand: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(operand) || Number.isNaN(element)) return undefined;
  if (typeof element === 'number') return element - Number(operand);
  if (typeof element !== 'bigint') return undefined;
  const exact = /^[+-]?\d+$/.test(operand) ? BigInt(operand.replace('+', '')) : Number(operand);
  return element > exact ? 1 : element < exact ? -1 : 0;
}

describe('model, for all filters', () => {
  it('mean what the reference says', () => {
    fc.assert(
      fc.property(tree, properties, (node, given) => {
        const filter = parseFilter(write(node));
        const expected = evaluate(node, given);
        assert.equal(filter.matches(given), expected, write(node));
        assert.equal(filter.matchesNormalised(normaliseProperties(given)), expected);
      }),
      { numRuns: 3_000 },
    );
  });

  it('read back from their canonical text as themselves', () => {
    fc.assert(
      fc.property(tree, (node) => {
        const canonical = parseFilter(write(node)).toString();
        assert.equal(parseFilter(canonical).toString(), canonical);
      }),
      { numRuns: 1_000 },
    );
  });

  it('tell equalities that every match fulfils, and index keys under which it is filed', () => {
    fc.assert(
      fc.property(tree, properties, (node, given) => {
        const filter = parseFilter(write(node));
        const normalised = normaliseProperties(given);
        if (!filter.matchesNormalised(normalised)) return;
        for (const equality of filter.equalities()) {
          assert.ok(parseFilter(`(${equality.key}=${escapeValue(equality.value)})`).matches(given));
          const filed = indexKeysOf(normalised[equality.key]);
          assert.ok(
            equality.indexKeys.some((index) => filed.includes(index)),
            `${equality.value} is not filed under ${filed.join()}`,
          );
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('file every equal value under a key the equality names', () => {
    fc.assert(
      fc.property(text, scalar, (operand, element) => {
        const filter = parseFilter(`(a=${escapeValue(operand)})`);
        if (!filter.matches({ a: element })) return;
        const names = filter.equalities()[0]?.indexKeys ?? [];
        assert.ok(indexKeysOf(element).some((index) => names.includes(index)));
      }),
      { numRuns: 3_000 },
    );
  });

  it('are read or refused with FILTER_INVALID and a position inside the text, whatever comes in', () => {
    const garbage = fc.string({ unit: fc.constantFrom(...'()&|!=~<>*\\ ab12'), maxLength: 30 });
    fc.assert(
      fc.property(fc.oneof(garbage, fc.string(), fc.tuple(tree.map(write), fc.nat()).map(cut)), (input) => {
        try {
          parseFilter(input);
        } catch (error) {
          assert.ok(isSluiceError(error) && error.code === 'FILTER_INVALID');
          const position = error.details['position'] as number;
          assert.ok(position >= 0 && position <= input.length);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

/** A text with one character left out. */
function cut([whole, at]: [string, number]): string {
  const position = at % whole.length;
  return whole.slice(0, position) + whole.slice(position + 1);
}
