/** Checks configuration values against JSON Schemas with ajv. Validators are kept by the text of the schema, at most a few hundred. */
import type { ValidateFunction } from 'ajv';
import type Ajv from 'ajv';

const VALIDATORS_MAX = 300;

/** Returns every mistake; an empty list when the values fit. */
export type SchemaChecker = (
  schema: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
) => readonly { path: string; message: string }[];

/** Makes a checker. ajv is loaded at the first use: a kernel of bundles without configuration never pays for it. */
export function createSchemaChecker(): SchemaChecker {
  const validators = new Map<string, ValidateFunction>();
  return (schema, values) => {
    const key = JSON.stringify(schema);
    let validate = validators.get(key);
    if (validate === undefined) {
      validate = compile(schema);
      if (validators.size >= VALIDATORS_MAX) validators.delete(validators.keys().next().value as string);
      validators.set(key, validate);
    }
    if (validate(values)) return [];
    return (validate.errors ?? []).map((error) => ({
      path: error.instancePath === '' ? '/' : error.instancePath,
      message: messageOf(error.message ?? 'is not valid', error.params as Record<string, unknown>),
    }));
  };
}

// One Ajv per schema: a shared one keeps every validator it ever made.
function compile(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  const { default: AjvClass } = require('ajv') as { default: typeof Ajv };
  const { default: addFormats } = require('ajv-formats') as { default: (ajv: Ajv) => void };
  const ajv = new AjvClass({ allErrors: true, strict: false });
  addFormats(ajv);
  return ajv.compile(schema);
}

function messageOf(message: string, params: Record<string, unknown>): string {
  if (typeof params['additionalProperty'] === 'string') return `${message}: found '${params['additionalProperty']}'`;
  if (Array.isArray(params['allowedValues'])) return `${message}: ${params['allowedValues'].join(', ')}`;
  return message;
}
