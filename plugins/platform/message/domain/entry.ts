/** An entry of the dictionary as this bundle keeps it: a full and a short wording in each language. Pure. */
import type { MessageEntry } from '@sluice/channel-api';

/** A wording in all languages. */
export interface Wording {
  readonly zh: string;
  readonly en: string;
}

/** One code. */
export interface DictionaryEntry {
  readonly code: string;
  readonly severity: MessageEntry['severity'];
  /** For a page, a short message or a voice. */
  readonly full: Wording;
  /** For the small screen of a machine. */
  readonly short: Wording;
}

/** Writes an entry in one line. The short wording is the full one unless it is given. */
export function message(
  code: string,
  severity: DictionaryEntry['severity'],
  full: readonly [zh: string, en: string],
  short: readonly [zh: string, en: string] = full,
): DictionaryEntry {
  return { code, severity, full: { zh: full[0], en: full[1] }, short: { zh: short[0], en: short[1] } };
}
