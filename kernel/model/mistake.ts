/**
 * One mistake in something an author wrote, as data. A refusal lists all of them at once, because the reader would otherwise fix
 * them one by one.
 */
import { SluiceError } from '@sluice/sdk';

/** Most mistakes that are listed; a document with more is not worth more lines. */
export const MISTAKES_MAX = 100;

/** What kind of mistake it is; stable, for programs. */
export type MistakeCode =
  | 'MANIFEST_LIMIT'
  | 'MANIFEST_KEY_MISSING'
  | 'MANIFEST_KEY_UNKNOWN'
  | 'MANIFEST_KEY_FORBIDDEN'
  | 'MANIFEST_TYPE'
  | 'MANIFEST_VALUE'
  | 'MANIFEST_NAME'
  | 'MANIFEST_VERSION'
  | 'MANIFEST_RANGE'
  | 'MANIFEST_FILTER'
  | 'MANIFEST_PATH'
  | 'MANIFEST_RULE';

/** One mistake with the place, what stands there and what should. */
export interface Mistake {
  readonly code: MistakeCode;
  /** Path into package.json, such as `sluice.provides[0].version`; `$` for the document itself. */
  readonly path: string;
  /** What was found, as text. */
  readonly found: string;
  /** What was expected, as text. */
  readonly expected: string;
  /** Place, found, expected and, where it helps, what to do, in one line. */
  readonly message: string;
  /** The known name nearest to an unknown one. */
  readonly nearest?: string;
}

/** Steps from the document to a value. */
export type Path = readonly (string | number)[];

/** Collects mistakes up to {@link MISTAKES_MAX}. */
export class MistakeList {
  readonly all: Mistake[] = [];

  /** Adds a mistake; the message is made from its parts. */
  add(code: MistakeCode, path: Path, found: string, expected: string, nearest?: string): void {
    if (this.all.length >= MISTAKES_MAX) return;
    const place = pathText(path);
    const subject = place === '$' ? 'Cannot use this package.json' : `Cannot use '${place}' of package.json`;
    const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
    const message = `${subject}: found ${found}, expected ${expected}.${hint}`;
    this.all.push({ code, path: place, found, expected, message, ...(nearest === undefined ? {} : { nearest }) });
  }
}

/**
 * The refusal of a manifest as an error.
 * @param subject what was read, such as the file name of an artifact
 */
export function manifestError(subject: string, mistakes: readonly Mistake[]): SluiceError {
  const lines = mistakes.map((mistake) => `\n  - ${mistake.message}`).join('');
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
  return new SluiceError('MANIFEST_INVALID', `Cannot accept the manifest of '${subject}': found ${count}.${lines}`, {
    details: { subject, mistakes },
    remedy: "Correct package.json, then run 'sluice pack' again.",
    httpStatus: 422,
  });
}

const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;

/** A path as text: `sluice.imports["@a/b"].range`. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!PLAIN_KEY.test(step)) text += `[${JSON.stringify(step.slice(0, 80))}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text === '' ? '$' : text;
}

/** A value as a reader should see it: short, on one line. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'string':
      return value.length > 80 ? `${JSON.stringify(value.slice(0, 80))}... (${value.length} characters)` : JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? `an array of ${value.length}` : 'an object';
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
      return `a ${typeof value}`;
  }
}
