/**
 * The SDKs a kernel serves: the current one, and the one of the major before for bundles that were built against it. An older one is a
 * dependency of the kernel under an alias (`"@sluice/sdk-1": "npm:@sluice/sdk@^1"`); what it makes is recognised by brands that all
 * generations share.
 */
import { createRequire } from 'node:module';
import { Version } from '../model/index.js';
import { sharedSdk } from './host-packages.js';

/** One generation. */
export interface SdkGeneration {
  readonly version: string;
  load(): object;
}

/** What decides between generations: the range a manifest states. */
export interface SdkRange {
  includes(version: Version): boolean;
}

const PREVIOUS = /^@sluice\/sdk-\d+$/;

/**
 * Generations of a kernel package, newest first.
 * @param kernelFile a file of the package: names are resolved from there.
 */
export function generationsOf(kernelFile: string): readonly SdkGeneration[] {
  const load = createRequire(kernelFile);
  const { dependencies = {} } = load('@sluice/kernel/package.json') as { dependencies?: Readonly<Record<string, string>> };
  const versionOf = (name: string): string => (load(`${name}/package.json`) as { version: string }).version;
  const previous = Object.keys(dependencies)
    .filter((name) => PREVIOUS.test(name))
    .map((name): SdkGeneration => {
      let frozen: object | undefined;
      return { version: versionOf(name), load: () => (frozen ??= Object.freeze(load(name) as object)) };
    });
  const current: SdkGeneration = { version: versionOf('@sluice/sdk'), load: sharedSdk };
  return [current, ...previous].sort((a, b) => Version.parse(b.version).compare(Version.parse(a.version)));
}

/** The newest generation a range takes; the newest of all when it takes none, which the resolver has refused before. */
export function generationFor(generations: readonly SdkGeneration[], range: SdkRange | undefined): SdkGeneration {
  const taken = range === undefined ? undefined : generations.find(({ version }) => range.includes(Version.parse(version)));
  return taken ?? (generations[0] as SdkGeneration);
}

let own: readonly SdkGeneration[] | undefined;

/** Generations this kernel serves, newest first. */
export function sdkGenerations(): readonly SdkGeneration[] {
  return (own ??= generationsOf(__filename));
}
