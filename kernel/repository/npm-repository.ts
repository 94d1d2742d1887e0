/**
 * An npm registry as a repository. Artifacts are packages as they are; the registry's integrity is checked over the whole file, and the
 * manifest inside must say what the registry said. Signatures travel as a companion package `NAME-signatures`, for a version of a package
 * is immutable and approvals come later.
 */
import { createHash } from 'node:crypto';
import { isSluiceError, SluiceError } from '@sluice/sdk';
import { readArchive } from '../host/archive.js';
import { Version } from '../model/index.js';
import { download, withoutCredentials } from './download.js';
import {
  ARTIFACT_BYTES_MAX,
  fetchedArtifact,
  integrityFailed,
  matching,
  newestFirst,
  newestIn,
  otherContent,
  SIGNATURES_BYTES_MAX,
  unknown,
  type FetchedArtifact,
  type Repository,
  type RepositoryEntry,
} from './repository.js';

/** Largest document of a package: all its versions. */
const DOCUMENT_BYTES_MAX = 32 * 1024 * 1024;
/** Packages looked at for one search. */
const SEARCH_MAX = 100;
/** Documents asked for at a time. */
const PARALLEL_MAX = 8;
/** Suffix of the companion package. */
const SIGNATURES_SUFFIX = '-signatures';
/** Hash functions of integrity texts, strongest first. */
const STRENGTHS = ['sha512', 'sha384', 'sha256'] as const;

interface PackageVersion {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly sluice?: { readonly symbolicName?: string };
  readonly dist: { readonly tarball: string; readonly integrity?: string; readonly shasum?: string };
}

/** How to reach a registry. */
export interface NpmRegistry {
  /** Address of the registry, such as `http://127.0.0.1:4873`. */
  readonly url: string;
  /** Token for private registries; sent to the registry's own host only. */
  readonly token?: string;
}

/** Bundles in an npm registry. */
export class NpmRepository implements Repository {
  readonly #url: URL;
  readonly #token: string | undefined;

  constructor({ url, token }: NpmRegistry) {
    this.#url = new URL(url.endsWith('/') ? url : `${url}/`);
    this.#token = token;
  }

  get location(): string {
    return withoutCredentials(this.#url.href);
  }

  async search(text: string): Promise<readonly RepositoryEntry[]> {
    const query = new URLSearchParams({ text, size: String(SEARCH_MAX) });
    const answer = await this.#json<{ objects?: readonly { package?: { name?: string } }[] }>(`-/v1/search?${query.toString()}`);
    const names = (answer?.objects ?? []).flatMap((one) => (typeof one.package?.name === 'string' ? [one.package.name] : []));
    const found: RepositoryEntry[] = [];
    for (let index = 0; index < names.length; index += PARALLEL_MAX) {
      const group = await Promise.all(names.slice(index, index + PARALLEL_MAX).map((name) => this.#versionsOf(name)));
      found.push(...group.flatMap((versions) => versions.filter(isBundle).map((one) => this.#entry(one))));
    }
    // The registry searches in what it likes (maintainers, keywords); here it is the name and the description, as everywhere.
    return matching(found, text);
  }

  async versions(name: string): Promise<readonly RepositoryEntry[]> {
    const versions = await this.#versionsOf(await this.#packageOf(name));
    return newestFirst(versions.filter(isBundle).map((one) => this.#entry(one)));
  }

  async fetch(name: string, range: string): Promise<FetchedArtifact> {
    const versions = (await this.#versionsOf(await this.#packageOf(name))).filter(isBundle);
    const found = newestIn(versions, range);
    if (found === undefined) {
      throw unknown(
        this.location,
        name,
        range,
        newestFirst(versions).map(({ version }) => version),
      );
    }
    const bytes = await this.#tarball(found, ARTIFACT_BYTES_MAX);
    const artifact = fetchedArtifact(bytes, this.#entry(found).location, await this.#signaturesOf(found));
    if (artifact.packageName !== found.name || artifact.version !== found.version) {
      throw otherContent(artifact.location, `${found.name} ${found.version}`, `${artifact.packageName} ${artifact.version}`);
    }
    return artifact;
  }

  /** The package that holds a bundle: the name itself, or, for a symbolic name, what the search finds. */
  async #packageOf(name: string): Promise<string> {
    if (name.startsWith('@') || !name.includes('.')) return name;
    const [last] = name.split('.').slice(-1);
    const hits = [...(await this.search(name)), ...(await this.search(name.replaceAll('.', '-'))), ...(await this.search(last ?? name))];
    return hits.find((entry) => entry.name === name)?.packageName ?? name;
  }

  async #versionsOf(packageName: string): Promise<readonly PackageVersion[]> {
    const document = await this.#json<{ versions?: Readonly<Record<string, PackageVersion>> }>(packageName.replace('/', '%2f'));
    return Object.values(document?.versions ?? {}).filter(
      ({ version, dist }) => Version.tryParse(version) !== undefined && isText(dist?.tarball),
    );
  }

  async #json<T>(path: string): Promise<T | null> {
    const url = new URL(path, this.#url);
    const bytes = await download(url.href, {
      bytesMax: DOCUMENT_BYTES_MAX,
      headers: { accept: 'application/json', ...this.#credentials(url) },
    });
    if (bytes === null) return null;
    try {
      return JSON.parse(bytes.toString('utf8')) as T;
    } catch (cause) {
      throw new SluiceError(
        'REPOSITORY_UNREACHABLE',
        `'${withoutCredentials(url.href)}' is no npm registry: it does not answer with JSON`,
        {
          details: { url: withoutCredentials(url.href) },
          httpStatus: 502,
          remedy: 'Check the address of the registry.',
          cause,
        },
      );
    }
  }

  async #tarball({ name, version, dist }: PackageVersion, bytesMax: number): Promise<Buffer> {
    const url = new URL(dist.tarball, this.#url);
    const bytes = await download(url.href, { bytesMax, headers: this.#credentials(url) });
    const location = `npm:${name}@${version}`;
    if (bytes === null) throw unknown(this.location, name, version, []);
    checkIntegrity(bytes, dist, location);
    return bytes;
  }

  /** A token goes to the registry and nowhere else, whatever the registry says where its files are. */
  #credentials(url: URL): Readonly<Record<string, string>> {
    return this.#token === undefined || url.origin !== this.#url.origin ? {} : { authorization: `Bearer ${this.#token}` };
  }

  /** The signature file of the companion package: of the same version, or the newest `VERSION-sig.N`, which later approvals are published as. */
  async #signaturesOf({ name, version }: PackageVersion): Promise<Buffer | null> {
    const companion = `${name}${SIGNATURES_SUFFIX}`;
    const versions = await this.#versionsOf(companion);
    const [newest] = versions
      .flatMap((one) => (one.version === version || one.version.startsWith(`${version}-sig.`) ? [{ one, step: stepOf(one.version) }] : []))
      .sort((a, b) => b.step - a.step);
    if (newest === undefined) return null;
    const bytes = await this.#tarball(newest.one, ARTIFACT_BYTES_MAX);
    const files = [...readArchive(bytes).entries].filter(([path]) => path.endsWith('.sig'));
    const [file] = files;
    if (files.length === 1 && file !== undefined && file[1].length <= SIGNATURES_BYTES_MAX) return Buffer.from(file[1]);
    throw otherContent(`npm:${companion}@${newest.one.version}`, 'one signature file', `${files.length} of them, or a larger one`);
  }

  #entry({ name, version, description, sluice }: PackageVersion): RepositoryEntry {
    const symbolicName = sluice?.symbolicName ?? name.slice(name.indexOf('/') + 1);
    return { name: symbolicName, version, packageName: name, description: description ?? '', location: `npm:${name}@${version}` };
  }
}

/** A package with a manifest section. A registry that does not tell sections is asked for the file itself. */
function isBundle({ sluice, name }: PackageVersion): boolean {
  return typeof sluice === 'object' && sluice !== null && !name.endsWith(SIGNATURES_SUFFIX);
}

function stepOf(version: string): number {
  return Number(/-sig\.(\d+)$/.exec(version)?.[1] ?? 0);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/**
 * Holds bytes against what the registry published: the strongest hash it names. SHA-1 alone is refused: it proves nothing any more.
 * @throws SluiceError `REPOSITORY_INTEGRITY`.
 */
function checkIntegrity(bytes: Uint8Array, { integrity }: PackageVersion['dist'], location: string): void {
  const hashes = (integrity ?? '').split(/\s+/).flatMap((one) => {
    const match = /^(sha\d+)-([A-Za-z0-9+/=]+)/.exec(one);
    return match === null ? [] : [{ algorithm: match[1] as string, expected: match[2] as string }];
  });
  for (const algorithm of STRENGTHS) {
    const named = hashes.filter((hash) => hash.algorithm === algorithm);
    if (named.length === 0) continue;
    const found = createHash(algorithm).update(bytes).digest('base64');
    if (named.some(({ expected }) => expected === found)) return;
    throw integrityFailed(location, `${algorithm} ${named[0]?.expected ?? ''}`, `${algorithm} ${found}`);
  }
  throw integrityFailed(location, 'an integrity of at least SHA-256', integrity ?? 'none at all');
}

/** True for the error of something that is not there, as opposed to one that cannot be reached. */
export function isUnknown(error: unknown): boolean {
  return isSluiceError(error) && (error.code === 'REPOSITORY_UNKNOWN' || error.code === 'FILE_UNKNOWN');
}
