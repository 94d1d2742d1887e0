/**
 * Paths and path patterns in one normal form: lower case, no slash at the end, segments between slashes.
 * Owns what counts as "the same path". Never decides a match alone: for routers the layer's own expression has the last word, so a
 * pattern here must only never miss a path the expression would take.
 */

/** A pattern the segment tree can hold. A segment is lower-case text, or null for "any one segment that is not empty". */
export interface PathPattern {
  readonly segments: readonly (string | null)[];
  /** True when the pattern also matches everything below. */
  readonly open: boolean;
}

const RESERVED = /[{}()[\]+?!"\\]|[^\x20-\x7e]/;

/** The path without slashes at its end; `''` for the root. */
export function trimEnd(path: string): string {
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === 47) end -= 1;
  return end === path.length ? path : path.slice(0, end);
}

/** A mount in normal form: lower case, `''` for the root, else a leading slash and none at the end. */
export function normaliseMount(mount: string): string {
  const trimmed = trimEnd(mount.toLowerCase());
  return trimmed === '' || trimmed.startsWith('/') ? trimmed : `/${trimmed}`;
}

/** True when one mount equals the other or lies below it. Both in normal form. */
export function mountContains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

/**
 * Reads a path in the syntax of path-to-regexp.
 * @param open the pattern also takes everything below (`router.use('/path', ...)`).
 * @returns undefined for what a tree of segments cannot say: groups, quoted names, escapes, empty segments, text outside ASCII.
 */
export function parsePattern(path: string, open: boolean): PathPattern | undefined {
  if (RESERVED.test(path)) return undefined;
  const trimmed = trimEnd(path);
  if (trimmed === '') return { segments: [], open };
  if (!trimmed.startsWith('/')) return undefined;
  const segments: (string | null)[] = [];
  for (const text of trimmed.slice(1).split('/')) {
    if (text === '') return undefined;
    if (text.includes('*')) return { segments, open: true };
    segments.push(text.includes(':') ? null : text.toLowerCase());
  }
  return { segments, open };
}

/** Percent-decodes a captured segment; text that cannot be decoded stays as it came, as @koa/router has it. */
export function decodeSegment(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Full path of a route; the root of a mount is the mount itself. */
export function joinPath(mount: string, path: string): string {
  return path === '/' ? mount || '/' : `${mount}${path}`;
}
