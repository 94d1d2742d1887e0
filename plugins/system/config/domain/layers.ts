/** How the operator's and the run-time layer act on each other. Pure. */
import type { ValueFile, Values } from './value-file.js';

/** Run-time values that count. A key the operator locked has one owner: what run time said before the lock is passed over. */
export function unlocked(operator: ValueFile, runtime: ValueFile): Values {
  if (operator.locked.length === 0) return runtime.values;
  return Object.fromEntries(Object.entries(runtime.values).filter(([key]) => !operator.locked.includes(key)));
}

/** Values after a change of some keys. */
export function applied(before: Values, changes: Values): Values {
  const after = { ...before, ...changes };
  for (const [key, value] of Object.entries(changes)) if (!isSet(value)) delete after[key];
  return after;
}

/** False for a value that removes its key. What came as JSON cannot be undefined, so null removes as well. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}
