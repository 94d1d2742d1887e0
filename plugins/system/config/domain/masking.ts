/**
 * Which parts of a value may be recorded. A part marked `"x-secret": true` in the bundle's schema becomes `***`, a reference to
 * a secret stays, since it tells where the secret is and not what it is.
 * Always holds: without a schema everything is taken for a secret. A record cannot be called back.
 */
import { schemaOfKey } from '@sluice/sdk';
import { isReference } from './references.js';

type Schema = Readonly<Record<string, unknown>>;

const HIDDEN = '***';

/** A copy of a value that may be recorded and shown. */
export function maskSecrets(value: unknown, schema: Schema | undefined): unknown {
  if (value === undefined || isReference(value)) return value;
  if (schema === undefined || schema['x-secret'] === true) return HIDDEN;
  let masked: unknown = value;
  for (const part of alternatives(schema)) masked = maskSecrets(masked, part);
  if (Array.isArray(masked)) {
    const items = asSchema(schema['items']);
    return items === undefined ? masked : masked.map((entry) => maskSecrets(entry, items));
  }
  if (typeof masked !== 'object' || masked === null) return masked;
  return Object.fromEntries(
    Object.entries(masked).map(([key, entry]) => {
      const described = schemaOfKey(schema, key);
      return [key, described === undefined ? entry : maskSecrets(entry, described)];
    }),
  );
}

function alternatives(schema: Schema): readonly Schema[] {
  return ['anyOf', 'oneOf', 'allOf'].flatMap((word) => (Array.isArray(schema[word]) ? (schema[word] as Schema[]) : []));
}

function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}
