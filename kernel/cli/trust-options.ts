/** Reads the options of the commands about trust. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SluiceError } from '../admin/errors.js';
import type { CommandContext, CommandInput } from './command.js';

const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: DAY_MS };

/** An option's text, where it is given. */
export function optionalText(input: CommandInput, option: string): string | undefined {
  const value = input.options[option];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** An option's text. @throws SluiceError `USAGE_OPTION`. */
export function requiredText(input: CommandInput, option: string, example: string): string {
  const value = optionalText(input, option);
  if (value !== undefined) return value;
  throw new SluiceError('USAGE_OPTION', `--${option} is missing`, { httpStatus: 400, remedy: `Write ${example}` });
}

/** Patterns or words separated by commas. */
export function patternsOf(text: string): readonly string[] {
  return text.split(',').map((one) => one.trim());
}

/** A life of hours or days in milliseconds. @throws SluiceError `USAGE_DURATION`. */
export function lifeOf(text: string): number {
  const match = /^(\d{1,4})(h|d)$/.exec(text.trim());
  const lifeMs = match === null ? 0 : Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 0);
  if (lifeMs > 0 && lifeMs <= 366 * DAY_MS) return lifeMs;
  throw new SluiceError('USAGE_DURATION', `Cannot read --expires '${text}': expected hours or days, at most 366d`, {
    httpStatus: 400,
    remedy: 'Write 12h or 30d',
  });
}

/** The passphrase of a private key: from a file or the environment, never from the command line, which others can see. */
export async function passphraseOf(context: CommandContext, input: CommandInput): Promise<string | undefined> {
  const file = optionalText(input, 'passphraseFile');
  if (file === undefined) return context.environment['SLUICE_KEY_PASSPHRASE'];
  const path = resolve(context.workingFolder, file);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SluiceError('FILE_UNKNOWN', `Cannot read the passphrase file '${path}'`, { details: { path }, httpStatus: 404, cause });
  });
  return text.replace(/\r?\n$/, '');
}
