/**
 * Filters over properties: RFC 4515 as OSGi reads it. Parsed once, compiled once, immutable.
 *
 * Owned here: the public face. Text is filter-syntax.ts, meaning filter-match.ts, the form of the properties filter-properties.ts.
 * For scans normalise the properties once and use {@link Filter.matchesNormalised}; for indexes see {@link Filter.equalities}.
 */
import { compileMatch } from './filter-match.js';
import { indexKeysOfOperand, normaliseProperties, type NormalisedProperties } from './filter-properties.js';
import { readFilter, writeFilter, type FilterNode } from './filter-syntax.js';

export { indexKeysOf, normaliseProperties, type NormalisedProperties } from './filter-properties.js';
export { escapeValue, FILTER_DEPTH_MAX, FILTER_LENGTH_MAX } from './filter-syntax.js';

/** One equality that every match of a filter fulfils. */
export interface FilterEquality {
  /** Property key in lower case. */
  readonly key: string;
  /** Value as written, escapes resolved. */
  readonly value: string;
  /** Keys of an index (see {@link indexKeysOf}) under which every matching value is filed. Usually one. */
  readonly indexKeys: readonly string[];
}

/** A parsed and compiled filter. Immutable. */
export interface Filter {
  /** The filter as written. */
  readonly text: string;
  /** True when the properties match; keys in any case. Normalises on each call: use {@link matchesNormalised} for scans. */
  matches(properties: Readonly<Record<string, unknown>>): boolean;
  /** True when properties normalised beforehand match. A plain closure: it may be taken off the filter. */
  readonly matchesNormalised: (properties: NormalisedProperties) => boolean;
  /** Equalities of a top-level AND (or the filter itself): necessary conditions, for an index. */
  equalities(): readonly FilterEquality[];
  /** Canonical text: equal texts mean equal filters. */
  toString(): string;
}

/**
 * Parses a filter.
 * @throws SluiceError `FILTER_INVALID` with `details.position`.
 */
export function parseFilter(text: string): Filter {
  return new CompiledFilter(text, readFilter(text));
}

class CompiledFilter implements Filter {
  readonly matchesNormalised: (properties: NormalisedProperties) => boolean;
  private found: readonly FilterEquality[] | undefined;

  constructor(
    readonly text: string,
    private readonly node: FilterNode,
  ) {
    this.matchesNormalised = compileMatch(node);
  }

  matches(properties: Readonly<Record<string, unknown>>): boolean {
    return this.matchesNormalised(normaliseProperties(properties));
  }

  equalities(): readonly FilterEquality[] {
    return (this.found ??= equalitiesOf(this.node));
  }

  toString(): string {
    return writeFilter(this.node);
  }

  toJSON(): string {
    return this.text;
  }
}

function equalitiesOf(node: FilterNode): readonly FilterEquality[] {
  if (node.kind === 'and') return node.nodes.flatMap(equalitiesOf);
  if (node.kind !== 'equal') return [];
  return [{ key: node.key, value: node.value, indexKeys: indexKeysOfOperand(node.value) }];
}
