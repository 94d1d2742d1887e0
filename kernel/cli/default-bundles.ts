/** Which artifacts a new kernel begins with when nobody names a folder. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ARTIFACT_FOLDER } from './artifact-folder.js';

/** Root of the installed kernel package. */
const KERNEL_ROOT = join(__dirname, '..', '..');

/**
 * The folder of artifacts for a first start: the one named, else `$SLUICE_BUNDLES`, else `build/bundles` here, else those that came with
 * the kernel. Undefined when there is none.
 */
export function defaultBundlesFolder(
  named: string | undefined,
  workingFolder: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const explicit = named ?? environment['SLUICE_BUNDLES'];
  if (explicit !== undefined) return resolve(workingFolder, explicit);
  const places = [join(workingFolder, ARTIFACT_FOLDER), join(KERNEL_ROOT, 'bundles'), join(KERNEL_ROOT, '..', ARTIFACT_FOLDER)];
  return places.find((place) => existsSync(place));
}
