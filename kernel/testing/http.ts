/** Real HTTP for a test: the real http bundle on a free port of this machine. */
import { readFileSync } from 'node:fs';
import { RouteTable, SluiceError } from '@sluice/sdk';
import { defaultBundlesFolder, systemBundles } from '../cli/default-bundles.js';
import { readArchive } from '../host/archive.js';
import { writeArchive } from '../host/archive-writer.js';
import type { TestRuntime } from './test-runtime.js';

/**
 * Deploys `system.http` into a runtime and returns its address, as `http://127.0.0.1:40123`. Ends with the runtime.
 * @throws SluiceError `TEST_HTTP_MISSING` when no artifact of it can be found.
 */
export async function serveHttp(runtime: TestRuntime): Promise<string> {
  const folder = defaultBundlesFolder(undefined, process.cwd(), process.env);
  const file = folder === undefined ? undefined : systemBundles(folder).find((path) => /system\.http-[^/]*\.tgz$/.test(path));
  if (file === undefined) {
    throw new SluiceError('TEST_HTTP_MISSING', 'There is no artifact of system.http to serve with', {
      details: { folder: folder ?? null },
      remedy: 'Build it (`sluice pack --all` in a checkout), or name its folder in $SLUICE_BUNDLES.',
    });
  }
  await runtime.deploy(portZero(readFileSync(file)));
  const [address] = runtime.service(RouteTable).addresses();
  return address ?? '';
}

/** The artifact with 0 for its port: any free one. */
function portZero(artifact: Buffer): Buffer {
  const { packageJson, entries } = readArchive(artifact);
  const file = structuredClone(packageJson) as { sluice: { config: { defaults?: Record<string, unknown> } } };
  file.sluice.config.defaults = { ...file.sluice.config.defaults, port: 0 };
  return writeArchive(new Map<string, Uint8Array | string>(entries).set('package.json', JSON.stringify(file)));
}
