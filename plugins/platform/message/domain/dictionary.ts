/** Finds and fills texts. Pure. */
import type { Language, MessageEntry, MessageRequest } from '@sluice/channel-api';
import { CHANNELS, formOf } from './channels.js';
import type { DictionaryEntry, Wording } from './entry.js';

/** Answer for a code nobody knows: true, and nothing of the inside. */
export const GENERAL_REFUSAL = 'GENERAL_REFUSAL';

/** Words that an officer set in place of the shipped ones, by code and language. They apply to all forms of the code. */
export type EditedWords = Readonly<Record<string, Partial<Wording>>>;

/** All entries by code. */
export class Dictionary {
  readonly #entries = new Map<string, DictionaryEntry>();

  constructor(entries: readonly DictionaryEntry[], edited: EditedWords = {}) {
    for (const entry of entries) this.#entries.set(entry.code, withWords(entry, edited[entry.code]));
  }

  has(code: string): boolean {
    return this.#entries.has(code);
  }

  /** The text of a code with its values filled in, cut to the length its channel allows. */
  text({ code, channel, language, values }: MessageRequest): string {
    const entry = this.#entries.get(code) ?? (this.#entries.get(GENERAL_REFUSAL) as DictionaryEntry);
    const { wording, charactersMax } = formOf(channel);
    return cut(filled(entry[wording][language], values), charactersMax[language]);
  }

  /** Every code with the texts of every channel. */
  list(): MessageEntry[] {
    return [...this.#entries.values()]
      .map(({ code, severity, ...words }) => ({
        code,
        severity,
        texts: Object.fromEntries(Object.entries(CHANNELS).map(([channel, { wording }]) => [channel, { ...words[wording] }])),
      }))
      .sort((one, other) => (one.code < other.code ? -1 : 1));
  }
}

/** Texts that are empty or too long for a channel, as `CODE channel language`. Values count with ten characters each. */
export function unfitTexts(entries: readonly DictionaryEntry[]): readonly string[] {
  return entries.flatMap(({ code, ...words }) =>
    Object.entries(CHANNELS).flatMap(([channel, { wording, charactersMax }]) =>
      (['zh', 'en'] satisfies readonly Language[])
        .filter((language) => {
          const text = words[wording][language].replaceAll(PLACE, '0000000000');
          return text.trim() === '' || text.length > charactersMax[language];
        })
        .map((language) => `${code} ${channel} ${language}`),
    ),
  );
}

const PLACE = /\{([a-zA-Z]+)\}/g;

function withWords(entry: DictionaryEntry, words: Partial<Wording> | undefined): DictionaryEntry {
  return words === undefined ? entry : { ...entry, full: { ...entry.full, ...words }, short: { ...entry.short, ...words } };
}

function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(PLACE, (_place, name: string) => (Object.hasOwn(values, name) ? (values[name] as string) : '-'));
}

/** Cuts between whole characters, also those outside of the basic plane. */
function cut(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  let kept = '';
  for (const character of text) {
    if (kept.length + character.length > charactersMax - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
