/**
 * What a user writes for a place or for an artifact: a file, a folder, a URL, `npm:package@range`, or a bundle's name with a range, which
 * is looked for in the given places in order.
 */
import { isAbsolute, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { SluiceError } from '@sluice/sdk';
import { FolderRepository, readArtifactFile } from './folder-repository.js';
import { isUnknown, NpmRepository, type NpmRegistry } from './npm-repository.js';
import type { FetchedArtifact, Repository } from './repository.js';
import { UrlRepository } from './url-repository.js';

/** The public registry. */
export const REGISTRY_DEFAULT = 'https://registry.npmjs.org';

/** Where texts are read from. */
export interface Surroundings {
  /** Folder that relative paths start from. */
  readonly folder: string;
  readonly registry: NpmRegistry;
}

/** True for what does not name a file or folder. */
export function isRemote(text: string): boolean {
  return text.startsWith('npm:') || /^https?:\/\//.test(text);
}

/** The repository behind a text: `npm:` alone is the registry, `npm:http://...` another one. */
export function openRepository(text: string, { folder, registry }: Surroundings): Repository {
  if (text === 'npm' || text === 'npm:') return new NpmRepository(registry);
  if (/^npm:https?:\/\//.test(text)) return new NpmRepository({ ...registry, url: text.slice('npm:'.length) });
  if (text.startsWith('npm:')) return new NpmRepository(registry);
  if (isRemote(text)) return new UrlRepository(text);
  return new FolderRepository(isAbsolute(text) ? text : resolve(folder, text));
}

/** Name and range of `name@range`; the range is `*` when none is given. */
export function nameAndRange(text: string): { readonly name: string; readonly range: string } {
  const at = text.indexOf('@', 1);
  return at < 0 ? { name: text, range: '*' } : { name: text.slice(0, at), range: text.slice(at + 1) };
}

/**
 * Fetches one artifact.
 * @param wanted a file, a URL, `npm:package@range`, or `bundle@range` to look for in the places.
 * @throws SluiceError `REPOSITORY_*`.
 */
export async function fetchArtifact(wanted: string, places: readonly string[], surroundings: Surroundings): Promise<FetchedArtifact> {
  if (/^https?:\/\//.test(wanted)) return new UrlRepository(wanted).only();
  if (wanted.startsWith('npm:')) {
    const { name, range } = nameAndRange(wanted.slice('npm:'.length));
    return new NpmRepository(surroundings.registry).fetch(name, range);
  }
  const path = isAbsolute(wanted) ? wanted : resolve(surroundings.folder, wanted);
  if (wanted.endsWith('.tgz') && existsSync(path)) return readArtifactFile(path);
  const { name, range } = nameAndRange(wanted);
  let missing: unknown = new SluiceError('REPOSITORY_UNKNOWN', `No place was named to look for '${wanted}'`, {
    httpStatus: 404,
    remedy: 'Name places with --from.',
  });
  for (const place of places) {
    try {
      return await openRepository(place, surroundings).fetch(name, range);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      missing = error;
    }
  }
  throw missing;
}
