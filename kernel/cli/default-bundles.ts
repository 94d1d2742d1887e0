/** Which artifacts a new kernel begins with when nobody names a folder. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ARTIFACT_FOLDER } from './artifact-folder.js';
import { KERNEL_ROOT } from './checkout.js';

/**
 * The folder of artifacts for a first start: the one named, else `$SLUICE_BUNDLES`, else the first of these that holds system bundles:
 * `build/bundles` here, what came with the kernel, `build/bundles` of the checkout. Undefined when there is none.
 */
export function defaultBundlesFolder(
  named: string | undefined,
  workingFolder: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const explicit = named ?? environment['SLUICE_BUNDLES'];
  if (explicit !== undefined) return resolve(workingFolder, explicit);
  const places = [join(workingFolder, ARTIFACT_FOLDER), join(KERNEL_ROOT, 'bundles'), join(KERNEL_ROOT, '..', ARTIFACT_FOLDER)];
  // A bundle that was packed on its own leaves a build/bundles too, and a kernel of only that one serves nothing.
  return places.find((place) => existsSync(place) && systemBundles(place).length > 0);
}

/** Paths of the system bundles in a folder, sorted. */
export function systemBundles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /^system\..+\.tgz$/.test(name));
  return names.sort().map((name) => join(folder, name));
}
