/** Finds what somebody probably meant. Bounded: a flood of wrong paths must stay cheap to answer. */

const LENGTH_MAX = 64;

/** Number of edits (a character more, less or other, two neighbours swapped) between short texts; above `limit` it counts as `limit + 1`. */
export function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let edits = Math.min((last[column - 1] ?? 0) + (same ? 0 : 1), (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    if (Math.min(...current) > limit) return limit + 1;
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? limit + 1;
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
