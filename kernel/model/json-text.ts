/**
 * Reads JSON more strictly than JSON.parse: two equal keys in one object are found, because two readers of such a text may see
 * different documents. Nothing else is different.
 */

/** What reading gave: a value with the paths of its duplicate keys, or the reason why it is not JSON. */
export type JsonText =
  | { readonly ok: true; readonly value: unknown; readonly duplicates: readonly (readonly (string | number)[])[] }
  | { readonly ok: false; readonly reason: string };

/** Reads a text. Never throws. */
export function readJsonText(text: string): JsonText {
  try {
    const value: unknown = JSON.parse(text);
    return { ok: true, value, duplicates: duplicateKeys(text) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

interface Level {
  /** Keys seen so far; null for an array. */
  readonly keys: Set<string> | null;
  /** Key or index of the value being read. */
  at: string | number;
}

// Only strings and punctuation matter: the text is known to be valid JSON.
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

function duplicateKeys(text: string): readonly (readonly (string | number)[])[] {
  const found: (readonly (string | number)[])[] = [];
  const levels: Level[] = [];
  let previous = '';
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const level = levels[levels.length - 1];
    if (token === '{') levels.push({ keys: new Set(), at: '' });
    else if (token === '[') levels.push({ keys: null, at: 0 });
    else if (token === '}' || token === ']') levels.pop();
    else if (token === ',' && typeof level?.at === 'number') level.at++;
    else if (token.startsWith('"') && level?.keys && (previous === '{' || previous === ',')) {
      level.at = JSON.parse(token) as string;
      if (level.keys.has(level.at)) found.push(levels.map((outer) => outer.at));
      level.keys.add(level.at);
    }
    previous = token;
  }
  return found;
}
