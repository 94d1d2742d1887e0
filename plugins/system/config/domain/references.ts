/**
 * References to secrets: `{ "$env": "NAME" }` and `{ "$file": "/path" }` stand for a value that is kept elsewhere.
 * They are resolved each time values are handed out, and only then; what is stored, compared and shown is the reference.
 */
import { SluiceError } from '@sluice/sdk';
import type { Values } from './value-file.js';

/** Where secrets are kept. */
export interface SecretPort {
  environment(name: string): string | undefined;
  /** Text of a file without its last line break. Throws when it cannot be read. */
  file(path: string): Promise<string>;
}

/** True for a value that is a reference. */
export function isReference(value: unknown): value is { readonly $env: string } | { readonly $file: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && (keys[0] === '$env' || keys[0] === '$file');
}

/** True when a reference is anywhere in a value. */
export function holdsReference(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return isReference(value) || Object.values(value).some(holdsReference);
}

/**
 * A copy of the values with every reference replaced.
 * @throws SluiceError `CONFIG_SECRET_UNRESOLVED` naming all references that lead nowhere, at once.
 */
export async function resolveReferences(bundle: string, values: Values, port: SecretPort): Promise<Values> {
  const unresolved: { readonly key: string; readonly reference: string; readonly reason: string }[] = [];
  const resolve = async (value: unknown, path: string): Promise<unknown> => {
    if (isReference(value)) {
      const resolved = await follow(value, port);
      if (typeof resolved === 'string') return resolved;
      unresolved.push({ key: path, reference: JSON.stringify(value), reason: resolved.reason });
      return undefined;
    }
    if (Array.isArray(value)) return Promise.all(value.map((entry, index) => resolve(entry, `${path}[${index}]`)));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(
      async ([key, entry]) => [key, await resolve(entry, path === '' ? key : `${path}.${key}`)] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  };
  const copy = (await resolve(values, '')) as Values;
  if (unresolved.length > 0) throw unresolvedError(bundle, unresolved);
  return copy;
}

async function follow(reference: { $env: string } | { $file: string }, port: SecretPort): Promise<string | { reason: string }> {
  if ('$env' in reference) {
    if (typeof reference.$env !== 'string') return { reason: 'the name is no text' };
    return port.environment(reference.$env) ?? { reason: 'the environment has no such variable' };
  }
  if (typeof reference.$file !== 'string') return { reason: 'the path is no text' };
  try {
    return await port.file(reference.$file);
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

function unresolvedError(bundle: string, unresolved: readonly { key: string; reference: string; reason: string }[]): SluiceError {
  const text = unresolved.map(({ key, reference, reason }) => `'${key}' refers to ${reference}, but ${reason}`).join('; ');
  return new SluiceError('CONFIG_SECRET_UNRESOLVED', `Cannot read the configuration of '${bundle}': ${text}`, {
    details: { bundle, unresolved },
    remedy: 'Set the variable or make the file readable for the process, or change the reference.',
  });
}
