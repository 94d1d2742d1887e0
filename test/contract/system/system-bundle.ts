/** System bundles as tests deploy them into the real kernel: their real code and manifest, with changed configuration or version. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Framework, type BundleDefinition, type ManifestSection } from '@sluice/sdk';
import type { TestBundle, TestRuntime } from '@sluice/kernel/testing';
import { ROOT } from '../../support/system.js';

/** A system bundle by its short name. @param config values over those the bundle ships. */
export function systemBundle(
  name: string,
  definition: BundleDefinition,
  config: Readonly<Record<string, unknown>> = {},
  version = '1.0.0',
): TestBundle {
  const text = readFileSync(join(ROOT, 'plugins/system', name, 'package.json'), 'utf8');
  const { config: shipped, ...manifest } = (JSON.parse(text) as { sluice: ManifestSection }).sluice;
  return {
    symbolicName: `system.${name}`,
    version,
    definition,
    manifest:
      shipped === undefined ? manifest : { ...manifest, config: { schema: shipped.schema, defaults: { ...shipped.defaults, ...config } } },
  };
}

/** Path below the data folder of a running kernel. */
export function dataPath(runtime: TestRuntime, folder: string, ...names: readonly string[]): string {
  return join(runtime.service(Framework).dataFolder(folder), ...names);
}

/** Resolves with the first log line, past or future, of a bundle whose message contains a text. */
export function logged(runtime: TestRuntime, bundle: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const known = runtime.kernel.logs({ bundle }).find((line) => line.message.includes(text));
    if (known !== undefined) return resolve(known.message);
    const stop = runtime.kernel.followLogs({ bundle }, (line) => {
      if (!line.message.includes(text)) return;
      stop();
      resolve(line.message);
    });
  });
}
