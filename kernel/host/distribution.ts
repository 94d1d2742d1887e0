/**
 * A folder of artifacts as a new data folder begins with it: the newest version of each bundle. Packing a trial version leaves it beside
 * the one before, and a bundle has one version at a time.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseManifest, type Version } from '../model/index.js';
import { readArchive } from './archive.js';

/** What to install, and what not. */
export interface Distribution {
  /** In the order of the file names. */
  readonly newest: readonly DistributedArtifact[];
  /** Files left out, each with the file of the same bundle that is newer. */
  readonly passedOver: readonly { readonly file: string; readonly newer: string }[];
}

/** An artifact file. */
export interface DistributedArtifact {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** Reads the `.tgz` files of a folder. What cannot be read as an artifact is kept: installing it tells what is wrong with it. */
export async function readDistribution(folder: string): Promise<Distribution> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.tgz')).sort();
  const artifacts = await Promise.all(files.map(async (file) => ({ file, bytes: await readFile(join(folder, file)) })));
  const best = new Map<string, { readonly artifact: DistributedArtifact; readonly version: Version | null }>();
  const passedOver: { file: string; newer: string }[] = [];
  for (const artifact of artifacts) {
    const identity = identityOf(artifact.bytes);
    const name = identity?.symbolicName ?? `unreadable ${artifact.file}`;
    const version = identity?.version ?? null;
    const other = best.get(name);
    if (other === undefined) {
      best.set(name, { artifact, version });
      continue;
    }
    const isNewer = version !== null && other.version !== null && version.compare(other.version) > 0;
    if (isNewer) best.set(name, { artifact, version });
    const [kept, left] = isNewer ? [artifact, other.artifact] : [other.artifact, artifact];
    passedOver.push({ file: left.file, newer: kept.file });
  }
  const kept = new Set([...best.values()].map(({ artifact }) => artifact));
  return { newest: artifacts.filter((artifact) => kept.has(artifact)), passedOver };
}

function identityOf(bytes: Uint8Array): { readonly symbolicName: string; readonly version: Version } | null {
  try {
    const result = parseManifest(readArchive(bytes).packageJson);
    return result.ok ? result.manifest : null;
  } catch {
    // Refused in full when it is installed.
    return null;
  }
}
