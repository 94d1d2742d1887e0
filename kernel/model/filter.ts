/** First cut of the filter interface. */

/** Properties with keys in lower case, made once by {@link normaliseProperties}. */
export interface NormalisedProperties {
  readonly [key: string]: unknown;
}

/** One equality that every match of a filter fulfils. */
export interface FilterEquality {
  /** Property key in lower case. */
  readonly key: string;
  /** Value as written, escapes resolved. */
  readonly value: string;
  /** Keys of an index (see {@link indexKeysOf}) under which every matching value is filed. Usually one. */
  readonly indexKeys: readonly string[];
}

/** A parsed and compiled RFC 4515 filter. Immutable. */
export interface Filter {
  /** The filter as written. */
  readonly text: string;
  /** True when the properties match; keys in any case. Normalises on each call: use {@link matchesNormalised} for scans. */
  matches(properties: Readonly<Record<string, unknown>>): boolean;
  /** True when properties normalised beforehand match. */
  matchesNormalised(properties: NormalisedProperties): boolean;
  /** Equalities of a top-level AND (or the filter itself): necessary conditions, for an index. */
  equalities(): readonly FilterEquality[];
  /** Canonical text. */
  toString(): string;
}

/** Lower-cases the keys, once per registration. @throws SluiceError `SERVICE_PROPERTIES_INVALID` when two keys differ only in case. */
export declare function normaliseProperties(properties: Readonly<Record<string, unknown>>): NormalisedProperties;
/** Index keys under which a property value is filed: one per element of a multi-valued property. */
export declare function indexKeysOf(value: unknown): readonly string[];
/** Parses a filter. @throws SluiceError `FILTER_INVALID` with `details.position`. */
export declare function parseFilter(text: string): Filter;
