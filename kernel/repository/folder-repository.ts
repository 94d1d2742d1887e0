/** A folder of artifacts, or a single one, as a repository. What is no artifact is passed over in listings and told when it is named. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSluiceError, SluiceError } from '@sluice/sdk';
import {
  ARTIFACT_BYTES_MAX,
  entryOf,
  fetchedArtifact,
  manifestOf,
  matching,
  newestFirst,
  newestIn,
  unknown,
  type FetchedArtifact,
  type Repository,
  type RepositoryEntry,
} from './repository.js';

/** Artifacts on disk. */
export class FolderRepository implements Repository {
  /** @param location absolute path of a folder, or of one artifact. */
  constructor(readonly location: string) {}

  async search(text: string): Promise<readonly RepositoryEntry[]> {
    return matching(await this.#entries(), text);
  }

  async versions(name: string): Promise<readonly RepositoryEntry[]> {
    return newestFirst((await this.#entries()).filter((entry) => entry.name === name || entry.packageName === name));
  }

  async fetch(name: string, range: string): Promise<FetchedArtifact> {
    const versions = await this.versions(name);
    const found = newestIn(versions, range);
    if (found === undefined) {
      throw unknown(
        this.location,
        name,
        range,
        versions.map(({ version }) => version),
      );
    }
    return readArtifactFile(found.location);
  }

  async #entries(): Promise<readonly RepositoryEntry[]> {
    const files = await this.#files();
    const entries = await Promise.all(files.map((file) => entryOfFile(file, files.length === 1)));
    return entries.filter((entry) => entry !== null);
  }

  async #files(): Promise<readonly string[]> {
    const info = await stat(this.location).catch(() => null);
    if (info === null) {
      throw new SluiceError('FILE_UNKNOWN', `Cannot find '${this.location}': no such file or folder`, {
        details: { path: this.location },
        httpStatus: 404,
        remedy: 'Name a folder of .tgz files, a .tgz file, a URL, or npm:package.',
      });
    }
    if (info.isFile()) return [this.location];
    return (await readdir(this.location))
      .filter((name) => name.endsWith('.tgz'))
      .sort()
      .map((name) => join(this.location, name));
  }
}

async function entryOfFile(file: string, mustBeOne: boolean): Promise<RepositoryEntry | null> {
  try {
    return entryOf(manifestOf(await readFile(file), file), file);
  } catch (error) {
    // One broken file must not hide the others of a folder; when it is fetched by name, it is told.
    if (mustBeOne || !isSluiceError(error)) throw error;
    return null;
  }
}

/** Reads an artifact file, with the signature file beside it. */
export async function readArtifactFile(file: string): Promise<FetchedArtifact> {
  const { size } = await stat(file);
  if (size > ARTIFACT_BYTES_MAX) {
    throw new SluiceError('REPOSITORY_TOO_LARGE', `'${file}' has ${size} bytes, at most ${ARTIFACT_BYTES_MAX} are read`, {
      details: { file, size, bytesMax: ARTIFACT_BYTES_MAX },
      httpStatus: 422,
    });
  }
  return fetchedArtifact(await readFile(file), file, await readFile(`${file}.sig`).catch(() => null));
}
