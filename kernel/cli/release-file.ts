/**
 * Turns a release file into what the kernel deploys: every bundle with its digest, and the artifacts that the kernel does not have. What a
 * source delivers is held against the name, version and digest that the file says.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { SluiceError } from '../admin/errors.js';
import type { ClientChangeOptions } from '../admin/client.js';
import { parseRelease, type Release } from '../model/index.js';
import type { FetchedArtifact } from '../repository/repository.js';
import { fileUnknown, type NamedArtifact } from './artifacts.js';
import type { CommandContext, CommandInput } from './command.js';
import { parseDuration } from './format.js';
import { namedArtifact, placesOf, surroundingsOf } from './places.js';

type ReleaseBundle = Release['bundles'][number];

/** A release ready to be sent. */
export interface ReadyRelease {
  readonly release: Release;
  readonly artifacts: readonly NamedArtifact[];
  /** What its settings say; options of the command line win. */
  readonly options: ClientChangeOptions;
}

/** Artifacts fetched at a time. */
const PARALLEL_MAX = 6;

/** Reads a JSON file. @throws SluiceError `FILE_UNKNOWN`, `FILE_NO_JSON`. */
export async function readJsonFile(context: CommandContext, file: string): Promise<unknown> {
  const path = resolve(context.workingFolder, file);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) throw fileUnknown(file, 'Name a file that is there.');
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new SluiceError('FILE_NO_JSON', `Cannot read '${file}' as JSON: ${(cause as Error).message}`, {
      details: { path },
      httpStatus: 422,
      remedy: 'Correct the file.',
      cause,
    });
  }
}

/**
 * Makes a release ready.
 * @param file where the release was read from: relative sources start there.
 * @throws SluiceError `RELEASE_INVALID`, `RELEASE_SOURCE_MISSING`, `RELEASE_DIGEST_MISMATCH`, `REPOSITORY_*`.
 */
export async function readyRelease(context: CommandContext, value: unknown, file: string, input: CommandInput): Promise<ReadyRelease> {
  const release = parseRelease(value, `'${file}'`);
  const installed = await context.client().bundles();
  const folder = dirname(resolve(context.workingFolder, file));
  const bundles: ReleaseBundle[] = [];
  const artifacts: NamedArtifact[] = [];
  const prepare = async (entry: ReleaseBundle): Promise<{ entry: ReleaseBundle; artifact: FetchedArtifact | null }> => {
    const { name, version, digest } = entry;
    const same = installed.find(
      (one) => one.symbolicName === name && (digest === undefined ? one.version === version : one.digest === digest),
    );
    if (same !== undefined && (digest !== undefined || entry.source === undefined)) {
      return { entry: { ...entry, digest: same.digest }, artifact: null };
    }
    const artifact = await fetchEntry(context, entry, folder, input);
    return { entry: { ...entry, digest: digest ?? artifact?.digest ?? '' }, artifact };
  };
  for (let index = 0; index < release.bundles.length; index += PARALLEL_MAX) {
    const group = release.bundles.slice(index, index + PARALLEL_MAX);
    for (const { entry, artifact } of await Promise.all(group.map(prepare))) {
      bundles.push(entry);
      if (artifact !== null) artifacts.push(namedArtifact(artifact));
    }
    if (!context.json)
      context.terminal.progress(`${Math.min(index + PARALLEL_MAX, release.bundles.length)} of ${release.bundles.length} bundles at hand`);
  }
  return { release: { ...release, bundles }, artifacts, options: settingsOf(release) };
}

/** Fetches a bundle from its source, or from the places of the command line. Null when only the kernel can have it. */
async function fetchEntry(
  context: CommandContext,
  entry: ReleaseBundle,
  folder: string,
  input: CommandInput,
): Promise<FetchedArtifact | null> {
  const { name, version, digest, source } = entry;
  const artifact = source === undefined ? await fromPlaces(context, entry, input) : await fromSource(context, entry, source, folder, input);
  if (artifact === null) return null;
  if (artifact.name !== name || artifact.version !== version) {
    throw new SluiceError(
      'RELEASE_SOURCE_MISSING',
      `'${artifact.location}' holds '${artifact.name}' ${artifact.version}, expected '${name}' ${version}`,
      {
        details: { bundle: name, version, source: artifact.location },
        httpStatus: 422,
        remedy: 'Correct the source in the release file.',
      },
    );
  }
  if (digest === undefined || artifact.digest === digest) return artifact;
  throw new SluiceError(
    'RELEASE_DIGEST_MISMATCH',
    `'${name}' ${version} of '${artifact.location}' has the digest ${artifact.digest}, but the release names ${digest}`,
    {
      details: { bundle: name, version, expected: digest, found: artifact.digest, source: artifact.location },
      httpStatus: 422,
      remedy: 'Take the artifact that the release was made of.',
    },
  );
}

async function fromSource(
  context: CommandContext,
  { name, version }: ReleaseBundle,
  source: string,
  folder: string,
  input: CommandInput,
): Promise<FetchedArtifact> {
  const { fetchArtifact, isRemote, openRepository } = require('../repository/locations.js') as typeof import('../repository/locations.js');
  const surroundings = surroundingsOf(context, input, folder);
  if (/^https?:\/\//.test(source) || source.endsWith('.tgz')) return fetchArtifact(source, [], surroundings);
  const isPackage = source.startsWith('npm:') && source.length > 'npm:'.length && !/^npm:https?:/.test(source);
  if (isPackage) return fetchArtifact(`${source}@${version}`, [], surroundings);
  const place = isRemote(source) || isAbsolute(source) ? source : resolve(folder, source);
  return openRepository(place, surroundings).fetch(name, version);
}

async function fromPlaces(
  context: CommandContext,
  { name, version, digest }: ReleaseBundle,
  input: CommandInput,
): Promise<FetchedArtifact | null> {
  const { fetchArtifact } = require('../repository/locations.js') as typeof import('../repository/locations.js');
  try {
    return await fetchArtifact(`${name}@${version}`, placesOf(context, input), surroundingsOf(context, input));
  } catch (error) {
    // The kernel may have kept it; it says so when it has not.
    if (digest !== undefined) return null;
    throw error;
  }
}

function settingsOf({ settings = {} }: Release): ClientChangeOptions {
  const { watch, temporary, drain } = settings;
  return {
    ...(watch === undefined ? {} : { watchMs: parseDuration('settings.watch', watch) }),
    ...(temporary === undefined ? {} : { confirmWithinMs: parseDuration('settings.temporary', temporary) }),
    ...(drain === undefined ? {} : { drainMs: parseDuration('settings.drain', drain) }),
  };
}

/** Digest of bytes, as everywhere. */
export function digestOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
