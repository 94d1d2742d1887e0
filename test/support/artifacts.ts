/** Makes further artifacts of a built one without building it again: other version number, other manifest, code that follows its own. */
import { readArchive } from '@sluice/kernel/host/archive';
import { writeArchive } from '@sluice/kernel/host/archive-writer';

type Json = Record<string, unknown>;

/** What shall be different. */
export interface ArtifactChanges {
  readonly version?: string;
  /** Changes the `sluice` section of package.json in place. */
  readonly manifest?: (section: Json & { provides: Json[]; requires: Json[] }) => void;
  /** JavaScript behind the bundle's own; `exports.default` is its definition. */
  readonly code?: string;
}

/** The artifact with another version in its package.json. */
export function withVersion(artifact: Uint8Array, version: string): Buffer {
  return withChanges(artifact, { version });
}

/** The artifact with changes. */
export function withChanges(artifact: Uint8Array, { version, manifest, code }: ArtifactChanges): Buffer {
  const { packageJson, entries } = readArchive(artifact);
  const changed = new Map<string, Uint8Array | string>(entries);
  const file = structuredClone(packageJson) as Json & { version: string; main: string; sluice: Json };
  if (version !== undefined) file.version = version;
  manifest?.(Object.assign(file.sluice, { provides: file.sluice['provides'] ?? [], requires: file.sluice['requires'] ?? [] }) as never);
  if (code !== undefined) changed.set(file.main, `${Buffer.from(entries.get(file.main) ?? []).toString()}\n${code}\n`);
  changed.set('package.json', JSON.stringify(file, null, 2));
  return writeArchive(changed);
}
