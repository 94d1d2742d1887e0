/**
 * What a version of SQLite may be trusted with. Pure.
 *
 * Versions 3.7.0 to 3.51.2 can corrupt a database in WAL mode when two connections commit and checkpoint at the same instant
 * (the "WAL-reset" bug; backports exist in 3.44.6 and 3.50.7); 3.52.0 holds the fix and was withdrawn for other reasons.
 */

/** Verdict on a version. */
export interface SqliteVersionVerdict {
  readonly usable: boolean;
  /** False: only one connection may ever be open on the file, also for reads. */
  readonly severalConnectionsSafe: boolean;
  readonly reason: string;
}

/** Oldest version with everything the data bundle relies on (RETURNING, STRICT, UPSERT of several clauses). */
const OLDEST = [3, 38, 0] as const;
const FIXED = [3, 51, 3] as const;
const BACKPORTS: readonly (readonly [number, number, number])[] = [
  [3, 44, 6],
  [3, 50, 7],
];

/** Judges what `sqlite_version()` answered. */
export function judgeSqliteVersion(text: string): SqliteVersionVerdict {
  const parts = /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return { usable: false, severalConnectionsSafe: false, reason: `'${text}' is not a version` };
  if (compare(parts, OLDEST) < 0) {
    return { usable: false, severalConnectionsSafe: false, reason: `${text} is older than ${OLDEST.join('.')}` };
  }
  if (compare(parts, [3, 52, 0]) === 0) {
    return { usable: true, severalConnectionsSafe: false, reason: `${text} was withdrawn by its authors: one connection only` };
  }
  const backported = BACKPORTS.some(([major, minor, patch]) => parts[0] === major && parts[1] === minor && (parts[2] as number) >= patch);
  if (compare(parts, FIXED) >= 0 || backported) {
    return { usable: true, severalConnectionsSafe: true, reason: `${text} holds the fix of the WAL-reset bug` };
  }
  return { usable: true, severalConnectionsSafe: false, reason: `${text} has the WAL-reset bug: one connection only` };
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
