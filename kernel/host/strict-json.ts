/**
 * JSON without room for two readings: duplicate keys, `__proto__`, deep nesting and bytes that are not UTF-8 are refused.
 * `JSON.parse` decides what is JSON at all; the scan afterwards may therefore trust the syntax.
 */
import { SluiceError } from '@sluice/sdk';

const DEPTH_MAX = 64;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/**
 * Parses JSON strictly.
 * @throws SluiceError `JSON_INVALID` with details.offset (in characters) and what is wrong.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw invalid('it is not UTF-8', 0);
  }
  checkStructure(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalid((error as Error).message, 0);
  }
}

// Runs before JSON.parse, whose recursion a hostile nesting would exhaust. On what is not JSON it may say anything but must end.
function checkStructure(text: string): void {
  const keys: (Set<string> | null)[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '{' || character === '[') {
      if (keys.push(character === '{' ? new Set() : null) > DEPTH_MAX) throw invalid(`it is nested deeper than ${DEPTH_MAX}`, index);
    } else if (character === '}' || character === ']') {
      keys.pop();
    } else if (character === '"') {
      const end = endOfString(text, index);
      if (end < 0) return;
      if (isKey(text, end)) checkKey(text.slice(index, end), keys.at(-1), index);
      index = end - 1;
    }
  }
}

/** Position behind the closing quote, or -1. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === '"') return index + 1;
  }
  return -1;
}

function isKey(text: string, end: number): boolean {
  let index = end;
  while (text[index] === ' ' || text[index] === '\n' || text[index] === '\r' || text[index] === '\t') index += 1;
  return text[index] === ':';
}

function checkKey(literal: string, keys: Set<string> | null | undefined, offset: number): void {
  const key = literal.includes('\\') ? unescaped(literal, offset) : literal.slice(1, -1);
  if (key === '__proto__') throw invalid("the key '__proto__' is not allowed", offset);
  if (keys?.has(key) === true) throw invalid(`the key '${key}' is given twice`, offset);
  keys?.add(key);
}

function unescaped(literal: string, offset: number): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw invalid('a key has a wrong escape', offset);
  }
}

function invalid(what: string, offset: number): SluiceError {
  return new SluiceError('JSON_INVALID', `Not acceptable JSON: ${what}`, { details: { offset, what }, httpStatus: 422 });
}
