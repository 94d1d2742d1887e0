/**
 * A tree of path patterns by segment. Finds every pattern that may match a path in time that depends on the path, not on the
 * number of patterns. Values come out most specific first: text before parameter, segment by segment, exact before open.
 */
import type { PathPattern } from './path.js';

interface Node<T> {
  texts: Map<string, Node<T>> | null;
  any: Node<T> | null;
  exact: T[] | null;
  open: T[] | null;
}

function emptyNode<T>(): Node<T> {
  return { texts: null, any: null, exact: null, open: null };
}

/** Immutable once filled; nothing can be removed, a changed set of routes is a new tree. */
export class SegmentTree<T> {
  readonly #root: Node<T> = emptyNode();

  /** Adds a value under a pattern. */
  add(pattern: PathPattern, value: T): void {
    let node = this.#root;
    for (const segment of pattern.segments) {
      if (segment === null) {
        node = node.any ??= emptyNode();
        continue;
      }
      node.texts ??= new Map();
      let child = node.texts.get(segment);
      if (child === undefined) node.texts.set(segment, (child = emptyNode()));
      node = child;
    }
    if (pattern.open) (node.open ??= []).push(value);
    else (node.exact ??= []).push(value);
  }

  /**
   * Adds the values of all patterns that match to `found`.
   * @param path lower case, without a slash at its end (`''` for the root).
   */
  collect(path: string, found: T[]): void {
    collectBelow(this.#root, path, 1, found);
  }
}

function collectBelow<T>(node: Node<T>, path: string, from: number, found: T[]): void {
  if (from > path.length) {
    if (node.exact !== null) append(node.exact, found);
  } else {
    const slash = path.indexOf('/', from);
    const end = slash === -1 ? path.length : slash;
    const text = path.slice(from, end);
    const child = node.texts?.get(text);
    if (child !== undefined) collectBelow(child, path, end + 1, found);
    if (node.any !== null && text !== '') collectBelow(node.any, path, end + 1, found);
  }
  if (node.open !== null) append(node.open, found);
}

function append<T>(values: readonly T[], found: T[]): void {
  for (const value of values) found.push(value);
}
