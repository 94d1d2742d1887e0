/**
 * Static files of a bundle, served from memory by exact name. There is no file system behind a path, so there is nothing to traverse to.
 */
import { createHash } from 'node:crypto';

/** One file ready to send. */
export interface StaticFile {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly contentType: string;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  map: 'application/json; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  ico: 'image/x-icon',
  woff: 'font/woff',
  woff2: 'font/woff2',
  pdf: 'application/pdf',
  wasm: 'application/wasm',
};

const PREFIX = 'public/';
const INDEX = 'index.html';

/** Files by their path below the mount. */
export class StaticFiles {
  readonly #files = new Map<string, StaticFile>();

  /** @param entries bytes by name; a leading `public/` is left out of the path. */
  constructor(entries: ReadonlyMap<string, Uint8Array>) {
    for (const [name, bytes] of entries) {
      const path = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
      this.#files.set(`/${path}`, { bytes, etag, contentType: contentTypeOf(path) });
    }
  }

  /** @param path below the mount, as it came; a folder means its index.html. */
  find(path: string): StaticFile | undefined {
    if (this.#files.size === 0) return undefined;
    const decoded = decode(path === '' ? '/' : path);
    if (decoded === undefined) return undefined;
    return this.#files.get(decoded) ?? (decoded.endsWith('/') ? this.#files.get(`${decoded}${INDEX}`) : undefined);
  }

  /** Paths below the mount, sorted. */
  paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }
}

/** True when one of the tags in an If-None-Match header is the file's. */
export function isUnchanged(file: StaticFile, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === file.etag);
}

function contentTypeOf(path: string): string {
  return CONTENT_TYPES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
