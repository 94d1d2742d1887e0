/** Checks of form that every field of a function descriptor gets: there, text, short enough, nothing invisible. Pure. */
import type { FunctionDescriptor, FunctionField } from '@sluice/channel-api';
import { TransferMistakes, type InputMistake } from '@sluice/product-api';

/** What was entered, by field, of any type. */
export type Entered = Readonly<Record<string, unknown>>;

/** Texts of the fields that passed, and what is wrong with the others. */
export interface CheckedFields {
  readonly texts: Readonly<Record<string, string>>;
  readonly mistakes: readonly InputMistake[];
}

/** Checks all fields of a function. An optional field that is absent is neither a text nor a mistake. */
export function checkFields(
  { fields }: Pick<FunctionDescriptor, 'fields'>,
  entered: Entered,
  unknownFields: readonly string[],
): CheckedFields {
  const texts: Record<string, string> = {};
  const mistakes: InputMistake[] = [];
  for (const field of fields) {
    const value = entered[field.name];
    const mistake = fieldMistake(field, value);
    if (mistake !== null) mistakes.push(mistake);
    else if (typeof value === 'string') texts[field.name] = value;
  }
  for (const field of unknownFields) mistakes.push({ field, code: TransferMistakes.fieldUnknown, found: field, expected: null });
  return { texts, mistakes };
}

/** Control characters, line separators, and marks that turn the direction of writing: what is shown would not be what was sent. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF]/u;

function fieldMistake({ name: field, required, charactersMax }: FunctionField, value: unknown): InputMistake | null {
  if (value === undefined || value === null) {
    return required ? { field, code: TransferMistakes.fieldMissing, found: null, expected: 'text' } : null;
  }
  if (typeof value !== 'string') return { field, code: TransferMistakes.fieldNotText, found: kindOf(value), expected: 'text' };
  if (value.length > charactersMax) {
    return { field, code: TransferMistakes.fieldTooLong, found: String(value.length), expected: String(charactersMax) };
  }
  const invisible = INVISIBLE.exec(value)?.[0];
  if (invisible === undefined) return null;
  const found = `U+${(invisible.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`;
  return { field, code: TransferMistakes.controlCharacter, found, expected: null };
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}
