/** Makes further versions of a built artifact without building it again: same content, other version number. */
import { readArchive } from '@sluice/kernel/host/archive';
import { writeArchive } from '@sluice/kernel/host/archive-writer';

/** The artifact with another version in its package.json. */
export function withVersion(artifact: Uint8Array, version: string): Buffer {
  const { packageJson, entries } = readArchive(artifact);
  const changed = new Map<string, Uint8Array | string>(entries);
  changed.set('package.json', JSON.stringify({ ...(packageJson as object), version }, null, 2));
  return writeArchive(changed);
}
