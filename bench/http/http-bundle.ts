/** The http bundle as a test bundle on a free port, with the manifest of its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ManifestSection } from '@sluice/sdk';
import type { TestBundle } from '@sluice/kernel/testing';
import http from '../../plugins/system/http/activator.js';

/** @param version version to give it. */
export function httpBundle(version: string): TestBundle {
  const source = JSON.parse(readFileSync(join(process.cwd(), 'plugins/system/http/package.json'), 'utf8')) as { sluice: ManifestSection };
  const { sdk: _sdk, symbolicName: _name, ...manifest } = source.sluice;
  const config = { ...manifest.config, schema: manifest.config?.schema ?? {}, defaults: { ...manifest.config?.defaults, port: 0 } };
  return { symbolicName: 'system.http', version, definition: http, manifest: { ...manifest, config } };
}
