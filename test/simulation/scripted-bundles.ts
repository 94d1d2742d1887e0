/**
 * The bundles of a simulation: five names in six versions each, real artifacts whose code asks a script what to do when it starts, stops or
 * is asked for its health. They count how many revisions of each name live, from the begin of the activator to the end of the scope.
 */
import { contract, defineBundle, HealthCheck, method, Type, type BundleContext, type BundleDefinition } from '@sluice/sdk';
import { artifactOf } from '@sluice/kernel/testing';
import { digestOf } from '@sluice/kernel/host/store';

/** What a bundle does at one moment of its life. */
export type Behaviour = 'well' | 'throws' | 'hangs';
/** When it is asked. */
export type Moment = 'start' | 'stop' | 'health';

/** Decides what bundles do, and is told how many live. */
export interface Script {
  behaviour(bundle: string, version: string, moment: Moment): Behaviour;
  /** A revision began (1) or was wholly undone (-1). */
  alive(bundle: string, change: 1 | -1): void;
}

/** One artifact. */
export interface ScriptedArtifact {
  readonly bundle: string;
  readonly version: string;
  readonly bytes: Uint8Array;
  readonly digest: string;
}

export const BUNDLES = ['sim.alpha', 'sim.beta', 'sim.gamma', 'sim.delta', 'sim.epsilon'] as const;
export const VERSIONS = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0'] as const;
/** Needs what `sim.beta` provides. */
export const CONSUMER = 'sim.gamma';
/** What it needs it from. */
export const PROVIDER = 'sim.beta';

const Left = contract('sim.Left', '1.0.0', { version: method([], Type.String()) });
const Right = contract('sim.Right', '1.0.0', { version: method([], Type.String()) });
const Beta = contract('sim.Beta', '1.0.0', { version: method([], Type.String()) });
/** What every running revision shows: both, or it is not whole. */
export const SHOWN = ['sim.Left', 'sim.Right'] as const;

/** Of those whose start level is not the default. */
const START_LEVELS: Readonly<Record<string, number>> = { 'sim.delta': 90, 'sim.epsilon': 30 };

/** The start level of a bundle. */
export function startLevelOf(bundle: string): number {
  return START_LEVELS[bundle] ?? 50;
}

let script: Script | null = null;

/** Hands all scripted bundles to another simulation. */
export function followScript(next: Script | null): void {
  script = next;
}

/** All artifacts, by bundle. Made once for a process. */
export const ARTIFACTS: Readonly<Record<string, readonly ScriptedArtifact[]>> = Object.fromEntries(
  BUNDLES.map((bundle) => [bundle, VERSIONS.map((version) => scripted(bundle, version))]),
);

function scripted(bundle: string, version: string): ScriptedArtifact {
  const startLevel = START_LEVELS[bundle];
  const bytes = artifactOf({
    symbolicName: bundle,
    version,
    definition: definition(bundle, version),
    ...(startLevel === undefined ? {} : { manifest: { startLevel } }),
  });
  return { bundle, version, bytes, digest: digestOf(bytes) };
}

function definition(bundle: string, version: string): BundleDefinition {
  const shows = { version: () => Promise.resolve(version) };
  return defineBundle({
    provides: [Left, Right, HealthCheck, ...(bundle === PROVIDER ? [Beta] : [])],
    requires: bundle === CONSUMER ? [Beta] : [],
    async activate(context: BundleContext) {
      const told = script;
      told?.alive(bundle, 1);
      context.own('count of living revisions', () => told?.alive(bundle, -1));
      const properties = { bundle };
      context.register(Left, shows, properties);
      // The one a start fails after is registered already: what it leaves must be undone.
      await behave(bundle, version, 'start');
      context.register(Right, shows, properties);
      if (bundle === PROVIDER) context.register(Beta, shows);
      if (bundle === CONSUMER) context.reference(Beta);
      if (bundle === 'sim.epsilon') context.clock.setInterval(() => undefined, 5_000);
      context.register(HealthCheck, {
        name: `health of ${bundle}`,
        timeoutMs: 1_000,
        async check() {
          await behave(bundle, version, 'health');
          return { status: 'OK' };
        },
      });
    },
    deactivate: () => behave(bundle, version, 'stop'),
  });
}

async function behave(bundle: string, version: string, moment: Moment): Promise<void> {
  const behaviour = script?.behaviour(bundle, version, moment) ?? 'well';
  if (behaviour === 'throws') throw new Error(`scripted failure of ${bundle} ${version} at ${moment}`);
  if (behaviour === 'hangs') await new Promise(() => {});
}
