/**
 * A release as its file says it: a named set of bundles with configuration and settings. Its schema, its type, and the check that lists
 * every mistake. Pure.
 */
import { SluiceError, Type, type Static } from '@sluice/sdk';
import { checkSchema, type SchemaNode } from './manifest-schema.js';
import { MistakeList, pathText } from './mistake.js';

const strict = { additionalProperties: false } as const;
const BundleName = Type.String({ pattern: '^[a-z][a-z0-9-]*(\\.[a-z0-9][a-z0-9-]*)*$', maxLength: 100 });
const Duration = Type.String({ pattern: '^\\d+(ms|s|m|h)?$', maxLength: 20, description: 'such as 30s or 10m' });

const ReleaseSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9._-]*$', maxLength: 100, description: 'lower-case, such as bank' }),
    version: Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z.+-]*$', maxLength: 100 }),
    note: Type.Optional(Type.String({ maxLength: 2000 })),
    complete: Type.Optional(Type.Boolean({ description: 'true: bundles that are not named are uninstalled' })),
    settings: Type.Optional(
      Type.Object(
        {
          watch: Type.Optional(Duration),
          temporary: Type.Optional(Duration),
          drain: Type.Optional(Duration),
        },
        strict,
      ),
    ),
    bundles: Type.Array(
      Type.Object(
        {
          name: BundleName,
          version: Type.String({ pattern: '^\\d+\\.\\d+\\.\\d+', maxLength: 100 }),
          digest: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the artifact, lower-case hex' })),
          source: Type.Optional(Type.String({ maxLength: 2000, description: 'file, folder, URL or npm:package' })),
          tier: Type.Optional(
            Type.Union([Type.Literal('inline'), Type.Literal('worker'), Type.Literal('process')], {
              description: 'isolation tier; default: as it is, at first as the manifest says',
            }),
          ),
          autostart: Type.Optional(Type.Boolean({ description: 'default: as it is; true for a new bundle' })),
          startLevel: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 100, description: 'default: as it is; as the manifest says for a new bundle' }),
          ),
        },
        strict,
      ),
    ),
    configuration: Type.Optional(
      Type.Record(BundleName, Type.Record(Type.String({ minLength: 1 }), Type.Unknown()), {
        description: 'run-time values by bundle and key; null takes one away',
      }),
    ),
  },
  { ...strict, $id: 'urn:sluice:release:1', title: 'Sluice release' },
);

/** A release as its author writes it. */
export type Release = Static<typeof ReleaseSchema>;

/** Most bundles in a release. */
const BUNDLES_MAX = 2_000;

/**
 * Checks a parsed release file.
 * @throws SluiceError `RELEASE_INVALID` with every mistake.
 */
export function parseRelease(value: unknown, subject: string): Release {
  const mistakes = new MistakeList();
  checkSchema(ReleaseSchema as SchemaNode, value, [], mistakes);
  const found = mistakes.all.map(({ path, found, expected, nearest }) => {
    const hint = nearest === undefined ? '' : `. Did you mean '${nearest}'?`;
    return `${path}: found ${found}, expected ${expected}${hint}`;
  });
  if (found.length === 0) found.push(...ruleMistakes(value as Release));
  if (found.length === 0) return value as Release;
  throw new SluiceError('RELEASE_INVALID', `Cannot use the release ${subject}:${found.map((line) => `\n  - ${line}`).join('')}`, {
    details: { subject, mistakes: found },
    remedy: `Correct them all; 'sluice release create' writes such a file.`,
    httpStatus: 422,
  });
}

function ruleMistakes({ bundles }: Release): string[] {
  const mistakes: string[] = [];
  const seen = new Set<string>();
  for (const [index, { name, version }] of bundles.entries()) {
    // A bundle that is no singleton may be there in several majors.
    const key = `${name}@${version}`;
    if (seen.has(key)) mistakes.push(`${pathText(['bundles', index])}: '${name}' ${version} is named twice`);
    seen.add(key);
  }
  if (bundles.length > BUNDLES_MAX) mistakes.push(`bundles: ${bundles.length} are named, at most ${BUNDLES_MAX} are allowed`);
  return mistakes;
}

/** A run-time value of a bundle's configuration that a change sets or takes away. As it is kept: secrets are references. */
export interface ConfigurationChange {
  readonly bundle: string;
  readonly key: string;
  /** Absent: not set at run time. */
  readonly from?: unknown;
  readonly to?: unknown;
}

/** The changes that lead back. */
export function invertedConfiguration(changes: readonly ConfigurationChange[] = []): readonly ConfigurationChange[] {
  return changes.map(({ bundle, key, from, to }) => ({
    ...{ bundle, key },
    ...(to === undefined ? {} : { from: to }),
    ...(from === undefined ? {} : { to: from }),
  }));
}

/** A release and its version as one text, as `sluice releases` prints it. */
export function releaseLabel({ name, version }: Pick<Release, 'name' | 'version'>): string {
  return `${name}@${version}`;
}
