/** Finds what somebody probably meant. Bounded: a flood of wrong paths must stay cheap to answer. */

const LENGTH_MAX = 64;

/** Number of single-character edits between two short texts; more than `limit` counts as `limit + 1`. */
export function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    let best = row;
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      const value = Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      current.push(value);
      best = Math.min(best, value);
    }
    if (best > limit) return limit + 1;
    previous = current;
  }
  return previous[right.length] ?? limit + 1;
}

/** The known name nearest to a found one, if any is near enough to be a slip of the keyboard. */
export function nearestName(found: string, known: Iterable<string>): string | undefined {
  if (found.length > LENGTH_MAX) return undefined;
  const text = found.toLowerCase();
  let limit = Math.max(1, Math.floor(found.length / 3));
  let nearest: string | undefined;
  for (const name of known) {
    if (name.length > LENGTH_MAX) continue;
    const distance = editDistance(text, name.toLowerCase(), limit);
    if (distance > limit) continue;
    nearest = name;
    if (distance === 0) break;
    limit = distance - 1;
  }
  return nearest;
}
