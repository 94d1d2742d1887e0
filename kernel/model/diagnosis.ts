/** What a diagnosis consists of, whoever gathers it: named parts, made safe and bounded. Pure. */
import type { Redactor } from './redaction.js';

/** One file of a diagnosis. */
export interface DiagnosisFile {
  readonly name: string;
  readonly text: string;
}

/** Longest file, in UTF-16 units. Of longer lists the oldest entries are left out, of longer texts the beginning. */
const FILE_LENGTH_MAX = 4_000_000;
/** All files together; what comes last is cut first. */
const TOTAL_LENGTH_MAX = 24_000_000;

/**
 * The parts as files: lists of a `.jsonl` one value a line, texts as they are, everything else as JSON.
 * Always holds: no secret that the redactor knows is left in any of them, and together they stay within the limit.
 */
export function diagnosisFiles(parts: Readonly<Record<string, unknown>>, redactor: Redactor): readonly DiagnosisFile[] {
  let left = TOTAL_LENGTH_MAX;
  return Object.entries(parts).map(([name, part]) => {
    const text = textOf(name, part, redactor, Math.min(FILE_LENGTH_MAX, left));
    left = Math.max(0, left - text.length);
    return { name, text };
  });
}

function textOf(name: string, part: unknown, redactor: Redactor, lengthMax: number): string {
  if (typeof part === 'string') return bounded(redactor.text(part), lengthMax);
  const safe = redactor.value(part);
  if (name.endsWith('.jsonl') && Array.isArray(safe)) return bounded(safe.map((line) => `${JSON.stringify(line)}\n`).join(''), lengthMax);
  const text = `${JSON.stringify(safe, undefined, 1) ?? 'null'}\n`;
  if (text.length <= lengthMax) return text;
  if (!Array.isArray(safe)) return bounded(text, lengthMax);
  // The newest entries are the last ones.
  const share = Math.max(1, Math.floor((safe.length * lengthMax) / text.length / 1.2));
  return bounded(`${JSON.stringify(safe.slice(-share), undefined, 1)}\n`, lengthMax);
}

function bounded(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const note = `... ${text.length - lengthMax} characters left out ...\n`;
  return note + text.slice(text.length - Math.max(0, lengthMax - note.length));
}
