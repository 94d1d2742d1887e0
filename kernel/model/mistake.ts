/** One mistake in something an author wrote, as data; a refusal lists all of them at once. */

/** What kind of mistake it is; stable, for programs. */
export type MistakeCode =
  | 'MANIFEST_SHAPE'
  | 'MANIFEST_JSON'
  | 'MANIFEST_LIMIT'
  | 'MANIFEST_KEY_MISSING'
  | 'MANIFEST_KEY_UNKNOWN'
  | 'MANIFEST_KEY_FORBIDDEN'
  | 'MANIFEST_KEY_DUPLICATE'
  | 'MANIFEST_VALUE_TYPE'
  | 'MANIFEST_VALUE_INVALID'
  | 'MANIFEST_VERSION'
  | 'MANIFEST_RANGE'
  | 'MANIFEST_FILTER'
  | 'MANIFEST_PATH'
  | 'MANIFEST_RULE';

/** One mistake with the place, what stands there and what should. */
export interface Mistake {
  readonly code: MistakeCode;
  /** Path into package.json, such as `sluice.provides[0].version`. Empty for the document itself. */
  readonly path: string;
  /** What was found, as text. */
  readonly found: string;
  /** What was expected, as text. */
  readonly expected: string;
  /** Place, found and expected in one sentence, with what to do. */
  readonly message: string;
  /** The known name nearest to an unknown one. */
  readonly nearest?: string;
}
