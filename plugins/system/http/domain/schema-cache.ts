/**
 * Validators of route schemas, compiled once per distinct schema text and shared by all revisions that use it.
 * A compile takes one to two milliseconds; a swap whose schemas did not change takes none. Each validator has an Ajv of its own (some
 * 10 kB) because an Ajv keeps everything it ever compiled: dropped by its last user, a validator is gone with all it needed.
 * Always holds: nothing here refers to an object of another bundle, only to schemas copied as text.
 */
import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import { SluiceError } from '@sluice/sdk';
import { nearestName } from './nearest.js';
import { buildDecoder, mentionsBigint, plainSchema, portableSchema, type Decode, type JsonSchema } from './schema-values.js';

/** One mistake in input or output. `path` names the part and the place in it: `/body/amount/minor`. */
export interface InputMistake {
  readonly path: string;
  readonly message: string;
}

/**
 * `json`: a parsed JSON document; defaults are filled in. `text`: values that arrived as text (query, path, headers), converted to what the
 * schema wants. `reply`: checked and left as it is.
 */
export type SchemaMode = 'json' | 'text' | 'reply';

/** A schema ready to use. */
export interface CompiledSchema {
  readonly key: string;
  /** Adds what is wrong to `mistakes`; true when nothing is. */
  check(value: unknown, where: string, mistakes: InputMistake[]): boolean;
  readonly decode: Decode | null;
  readonly hasBigint: boolean;
}

/** More mistakes than this are not reported: nobody reads them, and the answer stays small. */
export const MISTAKES_MAX = 50;

/** Compiles schemas and shares the results. */
export class SchemaCache {
  readonly #entries = new Map<string, { readonly compiled: CompiledSchema; uses: number }>();

  /** Number of distinct schemas held. */
  get size(): number {
    return this.#entries.size;
  }

  /** True when acquiring this schema costs no compile. */
  has(schema: unknown, mode: SchemaMode): boolean {
    return this.#entries.has(keyOf(schema, mode));
  }

  /**
   * Gives a compiled schema; each acquire needs one {@link release}.
   * @throws SluiceError `ROUTE_SCHEMA_INVALID` when the schema is none.
   */
  acquire(schema: unknown, mode: SchemaMode): CompiledSchema {
    const key = keyOf(schema, mode);
    let entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, (entry = { compiled: compile(schema, mode, key), uses: 0 }));
    entry.uses += 1;
    return entry.compiled;
  }

  /** Gives a compiled schema back. */
  release(compiled: CompiledSchema): void {
    const entry = this.#entries.get(compiled.key);
    if (entry === undefined) return;
    entry.uses -= 1;
    if (entry.uses === 0) this.#entries.delete(compiled.key);
  }
}

function keyOf(schema: unknown, mode: SchemaMode): string {
  return `${mode} ${JSON.stringify(schema)}`;
}

function compile(schema: unknown, mode: SchemaMode, key: string): CompiledSchema {
  const plain = plainSchema(schema);
  const stripped = portableSchema(plain, false);
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    coerceTypes: mode === 'text' ? 'array' : false,
    useDefaults: mode !== 'reply',
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    // The meta schema costs more than the schemas; the strict mode already refuses unknown keywords and wrong keyword values.
    meta: false,
    validateSchema: false,
    logger: false,
  });
  addFormats.default(ajv);
  try {
    const validate = ajv.compile(stripped);
    const hasBigint = mentionsBigint(key);
    const branchTest = (branch: JsonSchema): ((value: unknown) => boolean) => {
      const test = ajv.compile(portableSchema(branch, false));
      return (value) => test(value);
    };
    return {
      key,
      hasBigint,
      decode: hasBigint ? buildDecoder(plain, branchTest) : null,
      check: (value, where, mistakes) => {
        if (validate(value)) return true;
        addMistakes(validate.errors ?? [], where, mistakes);
        return false;
      },
    };
  } catch (error) {
    throw new SluiceError(
      'ROUTE_SCHEMA_INVALID',
      `A route schema cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      {
        details: { schema: plain },
        remedy: 'Correct the schema; unknown keywords are refused so that a misspelt one is not ignored.',
        cause: error,
      },
    );
  }
}

function addMistakes(errors: readonly ErrorObject[], where: string, mistakes: InputMistake[]): void {
  for (const error of errors) {
    if (mistakes.length >= MISTAKES_MAX) return;
    mistakes.push(mistakeOf(error, where));
  }
}

function mistakeOf(error: ErrorObject, where: string): InputMistake {
  const path = `${where}${error.instancePath}`;
  switch (error.keyword) {
    case 'required':
      return { path: `${path}/${String(error.params['missingProperty'])}`, message: 'is required' };
    case 'additionalProperties': {
      const found = String(error.params['additionalProperty']);
      const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
      const nearest = nearestName(found, known);
      return {
        path: `${path}/${found}`,
        message: nearest === undefined ? 'is not known here' : `is not known here; did you mean '${nearest}'?`,
      };
    }
    case 'type':
      return { path, message: `must be ${String(error.params['type'])}, found ${typeName(error.data)}` };
    case 'enum':
      return { path, message: `must be one of ${(error.params['allowedValues'] as unknown[]).map(String).join(', ')}` };
    case 'const':
      return { path, message: `must be ${JSON.stringify(error.params['allowedValue'])}` };
    default:
      return { path, message: error.message ?? `fails '${error.keyword}'` };
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
