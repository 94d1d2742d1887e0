/**
 * Configuration that belongs to a change. What a release sets is compared with what run time says, counts from the commit on (the journal
 * holds it), and is written to the source of configuration afterwards; what a crash left unwritten is written by the next start.
 */
import { SluiceError, type ConfigSourceService } from '@sluice/sdk';
import type { ConfigurationChange, Manifest, Release } from '../model/index.js';
import { problemOf } from './bundle.js';
import { outstanding, secretKeys } from './configuration.js';
import { asSluiceError } from './failure.js';
import type { KernelState } from './kernel-state.js';
import type { ConfigurationDifference, ProblemData } from './runtime.js';

/** What the configuration of a release comes to. */
export interface PlannedConfiguration {
  readonly changes: readonly ConfigurationChange[];
  readonly differences: readonly ConfigurationDifference[];
  readonly problems: readonly ProblemData[];
}

/**
 * Compares the configuration of a release with what run time says.
 * @param manifests of the bundles as they are after the change, by symbolic name.
 */
export function planConfiguration(
  state: KernelState,
  release: Pick<Release, 'configuration' | 'complete'>,
  manifests: ReadonlyMap<string, Manifest>,
): Promise<PlannedConfiguration> {
  return state.withConfigSource(async (source) => {
    const changes: ConfigurationChange[] = [];
    const problems: ProblemData[] = [];
    const wanted = release.configuration ?? {};
    const names = release.complete === true ? [...new Set([...manifests.keys(), ...Object.keys(wanted)])] : Object.keys(wanted);
    for (const bundle of names) {
      const manifest = manifests.get(bundle);
      if (manifest?.config === undefined || manifest.config === null) {
        if (Object.keys(wanted[bundle] ?? {}).length > 0) problems.push(notConfigurable(bundle, manifest));
        continue;
      }
      const ofBundle = changesOf(manifest, wanted[bundle] ?? {}, await inForce(state, source, bundle), release.complete === true);
      problems.push(...secretProblems(manifest, ofBundle));
      problems.push(...(await invalid(state, manifest, source, ofBundle)));
      changes.push(...ofBundle);
    }
    if (changes.length > 0 && source === undefined && !bringsSource(manifests)) problems.push(sourceMissing());
    return { changes, differences: changes.map((change) => difference(change, manifests)), problems };
  });
}

/** Of changes that lead back, those that still find what they take back; what somebody set since stays. */
export function stillToUndo(state: KernelState, changes: readonly ConfigurationChange[]): Promise<readonly ConfigurationChange[]> {
  return state.withConfigSource(async (source) => {
    const left: ConfigurationChange[] = [];
    for (const bundle of new Set(changes.map((change) => change.bundle))) {
      const ofBundle = changes.filter((change) => change.bundle === bundle);
      const keys = outstanding(ofBundle, await inForce(state, source, bundle));
      left.push(...ofBundle.filter(({ key }) => Object.hasOwn(keys, key)));
    }
    return left;
  });
}

function changesOf(
  manifest: Manifest,
  wanted: Readonly<Record<string, unknown>>,
  stored: Readonly<Record<string, unknown>>,
  complete: boolean,
): readonly ConfigurationChange[] {
  const bundle = manifest.symbolicName;
  const secrets = secretKeys(manifest);
  // A complete release takes away what it does not name, but never a secret: those are left out of exported states.
  const dropped = complete ? Object.keys(stored).filter((key) => !Object.hasOwn(wanted, key) && !secrets.has(key)) : [];
  const all = [
    ...Object.keys(wanted).map((key) => [key, wanted[key] ?? undefined] as const),
    ...dropped.map((key) => [key, undefined] as const),
  ];
  const changes = all.map(([key, to]) => ({
    ...{ bundle, key },
    ...(stored[key] === undefined ? {} : { from: stored[key] }),
    ...(to === undefined ? {} : { to }),
  }));
  const left = outstanding(changes, stored);
  return changes.filter(({ key }) => Object.hasOwn(left, key));
}

/** The run-time values that count: those kept, with what only the journal holds so far. */
async function inForce(
  { journal }: KernelState,
  source: ConfigSourceService | undefined,
  bundle: string,
): Promise<Readonly<Record<string, unknown>>> {
  const stored = await storedAtRunTime(source, bundle);
  const unwritten = (journal.view.unwritten ?? []).flatMap(({ changes }) => changes.filter((change) => change.bundle === bundle));
  return { ...stored, ...outstanding(unwritten, stored) };
}

async function storedAtRunTime(source: ConfigSourceService | undefined, bundle: string): Promise<Readonly<Record<string, unknown>>> {
  const layer = (await source?.layers(bundle))?.find((one) => one.layer === 'runtime');
  return layer?.stored ?? layer?.values ?? {};
}

/** Journals, files of releases and exports hold no secret, so what they say about one is where it is. */
function secretProblems(manifest: Manifest, changes: readonly ConfigurationChange[]): readonly ProblemData[] {
  const secrets = secretKeys(manifest);
  const plain = changes.filter(({ key, from, to }) => secrets.has(key) && (isPlainSecret(from) || isPlainSecret(to)));
  return plain.map(({ bundle, key, to }) => ({
    code: 'RELEASE_SECRET_PLAIN',
    message: isPlainSecret(to)
      ? `The release sets the secret '${key}' of '${bundle}' as a plain value`
      : `The secret '${key}' of '${bundle}' is set at run time as a plain value, which a release cannot return to`,
    remedy: `Say where it is: { "$env": "NAME" } or { "$file": "/path" }. 'sluice config set ${bundle} ${key}=' takes a run-time value away.`,
    details: { bundle, key },
  }));
}

/** True for a value that is a secret itself and not the place of one. */
export function isPlainSecret(value: unknown): boolean {
  if (value === undefined) return false;
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  return !(keys.length === 1 && (keys[0] === '$env' || keys[0] === '$file'));
}

async function invalid(
  state: KernelState,
  manifest: Manifest,
  source: ConfigSourceService | undefined,
  changes: readonly ConfigurationChange[],
): Promise<readonly ProblemData[]> {
  // Without a source, references to secrets cannot be followed; the start of the bundle checks all the same.
  if (source === undefined || changes.length === 0) return [];
  try {
    await state.configurations.load(manifest, source, changes);
    return [];
  } catch (error) {
    return [problemOf(asSluiceError(error))];
  }
}

function bringsSource(manifests: ReadonlyMap<string, Manifest>): boolean {
  return [...manifests.values()].some(({ provides }) => provides.some(({ contract }) => contract === 'sluice.kernel.ConfigSource'));
}

function sourceMissing(): ProblemData {
  return {
    code: 'CONFIG_SOURCE_MISSING',
    message: 'The release sets configuration, but no bundle keeps configuration',
    remedy: 'Put system.config into the release, or deploy and start it first.',
    details: {},
  };
}

function notConfigurable(bundle: string, manifest: Manifest | undefined): ProblemData {
  const why = manifest === undefined ? 'is neither installed nor in the release' : 'has no configuration';
  return {
    code: 'RELEASE_CONFIGURATION_UNUSED',
    message: `The release configures '${bundle}', which ${why}`,
    remedy: `Remove '${bundle}' from the configuration of the release, or add the bundle.`,
    details: { bundle },
  };
}

/** A change as it may be shown. */
export function difference(
  { bundle, key, from, to }: ConfigurationChange,
  manifests: ReadonlyMap<string, Manifest>,
): ConfigurationDifference {
  const manifest = manifests.get(bundle);
  const isSecret = manifest !== undefined && secretKeys(manifest).has(key);
  const shown = (value: unknown): unknown => (isSecret && isPlainSecret(value) ? '***' : value);
  return {
    ...{ bundle, key },
    ...(from === undefined ? {} : { before: shown(from) }),
    ...(to === undefined ? {} : { after: shown(to) }),
  };
}

/**
 * Writes the configuration of committed changes to the source. What cannot be written stays in force through the journal, with an alarm,
 * and is tried again after the next change and at the next start.
 */
export async function writeConfiguration(state: KernelState): Promise<void> {
  for (const { deployId, actor, changes } of state.journal.view.unwritten ?? []) {
    try {
      await state.withConfigSource(async (source) => {
        if (source === undefined) throw new SluiceError('CONFIG_SOURCE_MISSING', 'No bundle keeps configuration');
        for (const bundle of new Set(changes.map((change) => change.bundle))) {
          const ofBundle = changes.filter((change) => change.bundle === bundle);
          const left = outstanding(ofBundle, await storedAtRunTime(source, bundle));
          if (Object.keys(left).length > 0) await source.set(bundle, left, actor);
        }
      });
      await state.journal.append({ type: 'configured', at: state.clock.now(), deployId });
    } catch (error) {
      const cause = asSluiceError(error);
      state.raiseAlarm({
        code: 'CONFIG_UNWRITTEN',
        message: `The configuration of change ${deployId} is in force but could not be written: ${cause.message}`,
        details: { deployId, cause: cause.code },
        remedy: 'Mend the cause; the next change or start writes it.',
      });
      return;
    }
  }
}
