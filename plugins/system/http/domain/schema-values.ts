/**
 * What happens to values beside validation: `bigint` fields are text in JSON and `bigint` in handlers (`x-sluice: bigint`).
 * Pure functions over JSON Schema; they never check, the validator did that before (decode) or does it after (encode).
 */

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;
/** Turns a checked value into the one the handler sees, copying what it changes. */
export type Decode = (value: any) => unknown;
/** Tells whether a value satisfies a schema; needed to know which branch of a union a value took. */
export type BranchTest = (branch: JsonSchema) => (value: unknown) => boolean;

const MARK = 'x-sluice';
const DIGITS = /^-?\d+$/;

/** A copy of a schema as plain JSON, without the symbols a schema builder leaves on it. */
export function plainSchema(schema: unknown): JsonSchema {
  return JSON.parse(JSON.stringify(schema)) as JsonSchema;
}

/** True when some value under the schema is a `bigint` in code. */
export function mentionsBigint(schemaText: string): boolean {
  return schemaText.includes('"x-sluice":"bigint"');
}

const MAPS_OF_SCHEMAS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
const DATA = new Set(['const', 'enum', 'default', 'examples']);

/**
 * A copy that may occur many times in one place: without `$id` where nothing refers to one. "No value" of the schema builder becomes null.
 * @param vendor false leaves out vendor keywords (`x-...`), which a validator does not know.
 */
export function portableSchema(schema: JsonSchema, vendor: boolean): JsonSchema {
  const keepIds = JSON.stringify(schema).includes('"$ref"');
  const isDropped = (key: string): boolean => (!vendor && key.startsWith('x-')) || (key === '$id' && !keepIds);
  const copySchema = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copySchema);
    if (!isSchema(value)) return value;
    const copy: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(value)) {
      if (isDropped(key)) continue;
      // Data is data, even when it looks like a schema; and a property may be called anything.
      if (DATA.has(key)) copy[key] = child;
      else if (MAPS_OF_SCHEMAS.has(key) && isSchema(child)) copy[key] = mapValues(child, copySchema);
      else if (key === 'type' && (child === 'void' || child === 'undefined')) copy[key] = 'null';
      else copy[key] = copySchema(child);
    }
    return copy;
  };
  return copySchema(schema) as JsonSchema;
}

function mapValues(map: JsonSchema, change: (value: unknown) => unknown): JsonSchema {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

/**
 * Builds the decoder of a schema.
 * @returns null when nothing below the schema is decoded.
 */
export function buildDecoder(root: JsonSchema, branchTest: BranchTest): Decode | null {
  const byId = new Map<string, Decode | null>();

  const build = (schema: unknown): Decode | null => {
    if (!isSchema(schema)) return null;
    if (typeof schema['$ref'] === 'string') return referTo(schema['$ref']);
    const id = typeof schema['$id'] === 'string' ? schema['$id'] : undefined;
    if (schema[MARK] === 'bigint') return decodeDigits;
    const steps = [ofObject(schema), ofArray(schema), ofUnion(schema), ...arrayOf(schema['allOf']).map(build)].filter(
      (step) => step !== null,
    );
    const decode = steps.length === 0 ? null : (value: unknown) => steps.reduce<unknown>((current, step) => step(current), value);
    if (id !== undefined) byId.set(id, decode);
    return decode;
  };

  // Resolved at the first use: the schema referred to is usually the one still being built.
  const referTo = (reference: string): Decode => {
    const target = reference === '#' ? root['$id'] : reference;
    return (value) => byId.get(target as string)?.(value) ?? value;
  };

  const ofObject = (schema: JsonSchema): Decode | null => {
    const named = entriesOf(schema['properties'], build);
    const patterns = entriesOf(schema['patternProperties'], build).map(([source, decode]) => [new RegExp(source, 'u'), decode] as const);
    const others = build(schema['additionalProperties']);
    if (named.length === 0 && patterns.length === 0 && others === null) return null;
    const declared = new Set(Object.keys((schema['properties'] as object | undefined) ?? {}));
    return (value: unknown) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      const copy: Record<string, unknown> = { ...value };
      for (const [key, decode] of named) if (copy[key] !== undefined) copy[key] = decode(copy[key]);
      if (patterns.length === 0 && others === null) return copy;
      for (const key of Object.keys(copy)) {
        if (declared.has(key)) continue;
        const decode = patterns.find(([pattern]) => pattern.test(key))?.[1] ?? others;
        if (decode) copy[key] = decode(copy[key]);
      }
      return copy;
    };
  };

  const ofArray = (schema: JsonSchema): Decode | null => {
    const positions = arrayOf(schema['prefixItems'] ?? (Array.isArray(schema['items']) ? schema['items'] : [])).map(build);
    const others = Array.isArray(schema['items']) ? build(schema['additionalItems']) : build(schema['items']);
    if (others === null && positions.every((decode) => decode === null)) return null;
    return (value: unknown) => {
      if (!Array.isArray(value)) return value;
      return value.map((item: unknown, index) => {
        const decode = index < positions.length ? positions[index] : others;
        return decode ? decode(item) : item;
      });
    };
  };

  const ofUnion = (schema: JsonSchema): Decode | null => {
    const branches = arrayOf(schema['anyOf'] ?? schema['oneOf']).filter(isSchema);
    const decoders = branches.map(build);
    if (decoders.every((decode) => decode === null)) return null;
    const tests = branches.map((branch) => branchTest(branch));
    return (value: unknown) => {
      const taken = tests.findIndex((test) => test(value));
      return decoders[taken]?.(value) ?? value;
    };
  };

  return build(root);
}

function decodeDigits(value: unknown): unknown {
  return typeof value === 'string' && DIGITS.test(value) ? BigInt(value) : value;
}

/** Writes every `bigint` inside a value as text, copying only what changes. */
export function encodeBigints(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let copy: unknown[] | null = null;
    for (let index = 0; index < value.length; index += 1) {
      const encoded = encodeBigints(value[index]);
      if (encoded !== value[index]) (copy ??= value.slice())[index] = encoded;
    }
    return copy ?? value;
  }
  let copy: Record<string, unknown> | null = null;
  for (const key of Object.keys(value)) {
    const child = (value as Record<string, unknown>)[key];
    const encoded = encodeBigints(child);
    if (encoded !== child) (copy ??= { ...value })[key] = encoded;
  }
  return copy ?? value;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function entriesOf(map: unknown, build: (schema: unknown) => Decode | null): (readonly [string, Decode])[] {
  const entries: (readonly [string, Decode])[] = [];
  for (const [key, schema] of Object.entries((map as object | undefined) ?? {})) {
    const decode = build(schema);
    if (decode !== null) entries.push([key, decode]);
  }
  return entries;
}
