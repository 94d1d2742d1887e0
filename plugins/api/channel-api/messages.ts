/**
 * The message dictionary: one code means the same on all channels, in the language of the customer and the length the channel allows.
 * No channel and no business bundle holds a text of its own.
 */
import { Type, contract, syncMethod, type Static } from '@sluice/sdk';

/** Languages every text exists in. */
export const LANGUAGES = ['zh', 'en'] as const;

/** A language of the bank. */
export type Language = (typeof LANGUAGES)[number];

/** Language of a customer who states none that the bank speaks. */
export const DEFAULT_LANGUAGE: Language = 'en';

/** Schema of {@link MessageRequest}. */
export const MessageRequestSchema = Type.Object(
  {
    code: Type.String(),
    channel: Type.String(),
    language: Type.Unsafe<Language>({ type: 'string', enum: [...LANGUAGES] }),
    /** Values for `{name}` in the text; one that is missing is shown as `-`. */
    values: Type.Record(Type.String(), Type.String()),
  },
  { additionalProperties: false, $id: 'MessageRequest' },
);

/** Asks for the text of a code. */
export type MessageRequest = Static<typeof MessageRequestSchema>;

/** Schema of {@link MessageEntry}. */
export const MessageEntrySchema = Type.Object(
  {
    code: Type.String(),
    /** INFO tells what was done, REFUSAL what was not and why, FAULT that the bank could not. LABEL names something. */
    severity: Type.Union([Type.Literal('INFO'), Type.Literal('REFUSAL'), Type.Literal('FAULT'), Type.Literal('LABEL')]),
    /** By channel, then by language. */
    texts: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false, $id: 'MessageEntry' },
);

/** A code with all its texts. */
export type MessageEntry = Static<typeof MessageEntrySchema>;

/** The dictionary. A code that it does not have is answered with the text of `GENERAL_REFUSAL`. */
export const Messages = contract('message.Dictionary', '1.0.0', {
  text: syncMethod([MessageRequestSchema], Type.String(), 'What a customer of a channel reads for a code.'),
  has: syncMethod([Type.String()], Type.Boolean(), 'Whether the dictionary has a code.'),
  entries: syncMethod([], Type.Array(MessageEntrySchema), 'All codes with all texts, by code.'),
});

/**
 * The language a client prefers, after the `Accept-Language` header of RFC 9110: the highest weight wins, at equal weights the first.
 * Ranges that the bank does not speak, and everything that cannot be read, are passed over.
 */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  let best: { language: Language; weight: number } = { language: DEFAULT_LANGUAGE, weight: 0 };
  for (const range of (acceptLanguage ?? '').slice(0, HEADER_CHARACTERS_MAX).split(',')) {
    const match = /^\s*([a-z]{2,3})(?:-[a-z0-9-]+)?\s*(?:;\s*q\s*=\s*(0(?:\.\d{1,3})?|1(?:\.0{1,3})?)\s*)?$/i.exec(range);
    const language = LANGUAGES.find((known) => known === match?.[1]?.toLowerCase());
    if (match === null || language === undefined) continue;
    const weight = Number(match[2] ?? '1');
    if (weight > best.weight) best = { language, weight };
  }
  return best.language;
}

/** Longer headers are cut: nobody has that many languages. */
const HEADER_CHARACTERS_MAX = 500;
