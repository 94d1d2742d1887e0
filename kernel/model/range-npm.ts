/**
 * One alternative of an npm range (what stands between `||`), turned into comparators. Pure text work; meaning as in npm's `semver`
 * without its loose mode, which the property tests use as the oracle.
 */
import type { Comparator } from './range.js';
import { Version } from './version.js';

/** A version with parts left open: `1.x` is major 1. */
interface Partial {
  readonly major: number | null;
  readonly minor: number | null;
  readonly patch: number | null;
  readonly version: Version | null;
}

const PART = '(?:[xX*]|0|[1-9]\\d*)';
const PARTIAL = `v?${PART}(?:\\.${PART}(?:\\.${PART}(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?)?)?`;
const HYPHEN = new RegExp(`^(${PARTIAL})\\s+-\\s+(${PARTIAL})$`);
const TERM = new RegExp(`^(\\^|~>?|>=|<=|>|<|=)?\\s*(${PARTIAL})(?=\\s|$)`);

/** The comparators of an alternative, all of which must hold; a text that says what is wrong when it cannot be read. */
export function readNpmAlternative(text: string): readonly Comparator[] | string {
  if (text === '') return 'an alternative of it is empty';
  const hyphen = HYPHEN.exec(text);
  if (hyphen !== null) {
    const low = readPartial(hyphen[1] as string);
    const high = readPartial(hyphen[2] as string);
    if (low === undefined || high === undefined) return `'${text}' is not two versions with ' - ' between`;
    return [...expand('>=', low), ...expand('<=', high)];
  }
  const comparators: Comparator[] = [];
  let rest = text;
  while (rest !== '') {
    const term = TERM.exec(rest);
    const partial = term === null ? undefined : readPartial(term[2] as string);
    if (term === null || partial === undefined) return `'${rest}' is not a version or a comparison`;
    comparators.push(...expand(term[1] ?? '', partial));
    rest = rest.slice(term[0].length).trimStart();
  }
  return comparators;
}

function readPartial(text: string): Partial | undefined {
  const bare = text.startsWith('v') ? text.slice(1) : text;
  const version = /^\d+\.\d+\.\d+/.test(bare) ? Version.tryParse(bare) : undefined;
  if (version !== undefined) return { major: version.major, minor: version.minor, patch: version.patch, version };
  const parts = bare.split(/[-+]/, 1)[0]?.split('.') ?? [];
  const numbers: (number | null)[] = [];
  for (let i = 0; i < 3; i++) {
    const part = parts[i];
    // After one open part the rest is open too: `1.x.3` is `1.x`.
    const open = part === undefined || /^[xX*]$/.test(part) || numbers.includes(null);
    numbers.push(open ? null : Number(part));
  }
  // Three numbers that were not read as a version above: a bad pre-release, or a number too large.
  if (!numbers.includes(null) || numbers.some((number) => number !== null && !Number.isSafeInteger(number))) return undefined;
  return { major: numbers[0] ?? null, minor: numbers[1] ?? null, patch: null, version: null };
}

function expand(operator: string, partial: Partial): readonly Comparator[] {
  if (operator === '^') return caret(partial);
  if (operator.startsWith('~')) return tilde(partial);
  if (partial.version !== null) {
    return [{ operator: operator === '' ? '=' : (operator as Comparator['operator']), version: partial.version }];
  }
  return open(operator, partial);
}

/** A comparison with a version that has open parts. */
function open(operator: string, { major, minor }: Partial): readonly Comparator[] {
  if (major === null) return operator === '>' || operator === '<' ? [NOTHING] : [];
  const low = Version.of(major, minor ?? 0, 0);
  const next = minor === null ? [major + 1, 0] : [major, minor + 1];
  switch (operator) {
    case '>':
      return [{ operator: '>=', version: Version.of(next[0] as number, next[1] as number, 0) }];
    case '>=':
      return [{ operator: '>=', version: low }];
    case '<':
      return [below(low.major, low.minor, 0)];
    case '<=':
      return [below(next[0] as number, next[1] as number, 0)];
    default:
      return [{ operator: '>=', version: low }, below(next[0] as number, next[1] as number, 0)];
  }
}

/** `~1.2.3`: the same minor; `~1`: the same major. */
function tilde({ major, minor, version }: Partial): readonly Comparator[] {
  if (major === null) return [];
  const low = version ?? Version.of(major, minor ?? 0, 0);
  return [{ operator: '>=', version: low }, minor === null ? below(major + 1, 0, 0) : below(major, minor + 1, 0)];
}

/** `^1.2.3`: nothing left of the first number that is not zero may change. */
function caret({ major, minor, patch, version }: Partial): readonly Comparator[] {
  if (major === null) return [];
  const low = version ?? Version.of(major, minor ?? 0, 0);
  const high =
    major > 0 || minor === null ? below(major + 1, 0, 0) : minor > 0 || patch === null ? below(0, minor + 1, 0) : below(0, 0, patch + 1);
  return [{ operator: '>=', version: low }, high];
}

/** Lower than a version and than every pre-release of it. */
function below(major: number, minor: number, patch: number): Comparator {
  return { operator: '<', version: Version.of(major, minor, patch, [0]) };
}

const NOTHING: Comparator = below(0, 0, 0);
