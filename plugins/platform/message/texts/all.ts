/** All shipped entries. */
import type { DictionaryEntry } from '../domain/entry.js';
import { LABELS } from './labels.js';
import { MISTAKES } from './mistakes.js';
import { REFUSALS } from './refusals.js';
import { STATES } from './states.js';

/** Every entry that ships with this bundle. */
export const ENTRIES: readonly DictionaryEntry[] = [...MISTAKES, ...REFUSALS, ...STATES, ...LABELS];
