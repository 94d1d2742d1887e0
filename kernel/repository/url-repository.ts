/** One artifact behind a URL. With `#sha256=<hex>` behind the address, other bytes are refused; its signatures are at the address plus `.sig`. */
import { createHash } from 'node:crypto';
import { download, withoutCredentials } from './download.js';
import {
  ARTIFACT_BYTES_MAX,
  fetchedArtifact,
  integrityFailed,
  matching,
  newestIn,
  SIGNATURES_BYTES_MAX,
  unknown,
  type FetchedArtifact,
  type Repository,
  type RepositoryEntry,
} from './repository.js';

/** A single artifact at an address. */
export class UrlRepository implements Repository {
  readonly #url: string;
  readonly #digest: string | null;
  #artifact: Promise<FetchedArtifact> | null = null;

  constructor(text: string) {
    const url = new URL(text);
    this.#digest = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase() ?? null;
    url.hash = '';
    this.#url = url.href;
  }

  get location(): string {
    return withoutCredentials(this.#url);
  }

  async search(text: string): Promise<readonly RepositoryEntry[]> {
    return matching([entry(await this.#fetched())], text);
  }

  async versions(name: string): Promise<readonly RepositoryEntry[]> {
    return [entry(await this.#fetched())].filter((one) => one.name === name || one.packageName === name);
  }

  async fetch(name: string, range: string): Promise<FetchedArtifact> {
    const artifact = await this.#fetched();
    const isIt = artifact.name === name || artifact.packageName === name;
    if (isIt && newestIn([artifact], range) !== undefined) return artifact;
    throw unknown(this.location, name, range, isIt ? [artifact.version] : []);
  }

  /** The artifact, whatever it is. */
  only(): Promise<FetchedArtifact> {
    return this.#fetched();
  }

  #fetched(): Promise<FetchedArtifact> {
    return (this.#artifact ??= this.#download());
  }

  async #download(): Promise<FetchedArtifact> {
    const bytes = await download(this.#url, { bytesMax: ARTIFACT_BYTES_MAX });
    if (bytes === null) throw unknown(this.location, 'artifact', '*', []);
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (this.#digest !== null && digest !== this.#digest)
      throw integrityFailed(this.location, `sha256 ${this.#digest}`, `sha256 ${digest}`);
    return fetchedArtifact(bytes, this.location, await download(`${this.#url}.sig`, { bytesMax: SIGNATURES_BYTES_MAX }));
  }
}

function entry({ name, version, packageName, description, location }: FetchedArtifact): RepositoryEntry {
  return { name, version, packageName, description, location };
}
