/** Patterns of bundle names, as keys and tokens are bound to them: `*`, one exact name, or `prefix.*` for every name below a prefix. Pure. */
import { SluiceError } from '@sluice/sdk/dist/error.js';

const PATTERN = /^(\*|[a-z0-9][a-z0-9._-]{0,127}?(\.\*)?)$/i;

/** Most patterns of one key or grant. */
export const PATTERNS_MAX = 64;

/** True when the pattern covers the name. `business.*` covers `business.transfer`, neither `business` nor `businesses.x`. */
export function covers(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  return pattern.endsWith('.*') ? name.startsWith(pattern.slice(0, -1)) && name.length > pattern.length - 1 : pattern === name;
}

/**
 * Checks patterns as a person or a file gives them.
 * @throws SluiceError `NAME_PATTERN_INVALID`.
 */
export function checkPatterns(patterns: readonly unknown[]): readonly string[] {
  const bad = patterns.filter((one) => typeof one !== 'string' || !PATTERN.test(one));
  if (bad.length === 0 && patterns.length > 0 && patterns.length <= PATTERNS_MAX) return patterns as readonly string[];
  const found = patterns.length === 0 ? 'none is given' : bad.length > 0 ? `'${String(bad[0])}' is none` : `there are ${patterns.length}`;
  throw new SluiceError('NAME_PATTERN_INVALID', `Cannot read the bundle patterns: ${found}, expected 1 to ${PATTERNS_MAX}`, {
    details: { patterns },
    httpStatus: 400,
    remedy: "Write '*', a whole name such as 'core.ledger', or a prefix such as 'business.*'",
  });
}
