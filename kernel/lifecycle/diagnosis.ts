/**
 * Everything worth knowing about the running system, as files for whoever looks for a fault elsewhere. Secrets are taken out by their known
 * values, their names, their schemas and their form. A part that cannot be gathered says why; the others are there all the same.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { messageOf, type HealthReportEntry, type SystemFigures } from '@sluice/sdk';
import { diagnosisFiles, hideInSchema, hideMarked, markedSecrets, Redactor, type DiagnosisFile, type Manifest } from '../model/index.js';
import { describeWiring } from '../resolver/index.js';
import type { EventRing } from './event-ring.js';
import type { KernelState } from './kernel-state.js';
import type { Runtime } from './runtime.js';

/** Where a diagnosis comes from. */
export interface DiagnosisSources {
  readonly runtime: Runtime;
  readonly state: KernelState;
  readonly events: EventRing;
  readonly figures: () => SystemFigures;
  /** All health checks; takes at most as long as their time limits. */
  readonly health: () => Promise<readonly HealthReportEntry[]>;
}

const ABOUT = `A diagnosis of a running Sluice kernel, written by \`sluice dump\`.

system.json      kernel, Node, process, memory, alarms
bundles.json     installed bundles with manifest, wires, services, components
wires.json       who is wired to whom
services.json    registered services and their users
routes.json      served routes
scopes.txt       what each running revision owns, as a tree
config.json      configuration by bundle with the origin of each value
health.json      all health checks
figures.json     traffic, holdings and memory by bundle; heapBytes only with --heap: what is reachable through the bundle alone
entries.json     entries under way, by generation and bundle
replaced.json    replaced revisions, whether they were collected, and what holds them
history.json     changes, newest last
releases.json    deployed releases, without their values
config-changes.json  changes of the configuration
events.jsonl     the last events of bundles and services
log.jsonl        the last log lines

Secrets are taken out: values marked "x-secret" in a schema, values behind $env and $file wherever they stand, values under a name
such as password or token, and texts that look like keys, tokens, credentials or card numbers. Read it before you send it all the same.
`;

/** Gathers the files. */
export async function diagnose(sources: DiagnosisSources): Promise<readonly DiagnosisFile[]> {
  const { runtime, state, events, figures, health } = sources;
  const names = [...new Set(state.inOrder().map(({ symbolicName }) => symbolicName))];
  const redactor = new Redactor(await secretsOf(state));
  const parts: Record<string, unknown> = { 'README.txt': ABOUT };
  const gather: Record<string, () => unknown> = {
    'system.json': () => ({ ...runtime.status(), writtenAt: new Date(state.clock.now()).toISOString(), ...processFacts() }),
    'bundles.json': () => runtime.bundles().map(({ id }) => withSafeManifest(runtime.inspect(String(id)))),
    'wires.json': () => describeWiring(state.wiring),
    'services.json': () => runtime.services(),
    'routes.json': () => runtime.routes(),
    'scopes.txt': () => scopeTree(state),
    'config.json': () => configurations(state, runtime),
    'health.json': health,
    'figures.json': figures,
    'entries.json': () => state.entries.openByGeneration(),
    'replaced.json': () => runtime.leaks({ collect: false }),
    'history.json': () => state.journal.view.state.history,
    'releases.json': () => releases(state),
    'config-changes.json': async () =>
      Object.fromEntries(await Promise.all(names.map(async (name) => [name, await runtime.configHistory(name)] as const))),
    'events.jsonl': () => events.list(),
    'log.jsonl': () => runtime.logs({}),
  };
  for (const [name, gathered] of Object.entries(gather)) {
    try {
      parts[name] = await gathered();
    } catch (error) {
      parts[name] = { unavailable: messageOf(error) };
    }
  }
  return diagnosisFiles(parts, redactor);
}

function processFacts(): Record<string, unknown> {
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  return {
    versions: process.versions,
    platform: `${process.platform} ${process.arch}`,
    nodeOptions: process.execArgv,
    uptimeSeconds: Math.round(process.uptime()),
    memoryUsage: process.memoryUsage(),
    heap: getHeapStatistics(),
    heapSpaces: getHeapSpaceStatistics(),
    resourceUsage: process.resourceUsage(),
    activeResources: resources,
  };
}

/** Values that must not be seen: what references stand for, and what schema or name mark, of every layer of every bundle. */
async function secretsOf(state: KernelState): Promise<ReadonlySet<string>> {
  const secrets = new Set<string>();
  for (const bundle of state.inOrder()) {
    const { manifest } = bundle;
    const schema = manifest.config?.schema;
    for (const secret of markedSecrets(manifest.config?.defaults ?? {}, schema)) secrets.add(secret);
    for (const secret of markedSecrets(bundle.current?.config ?? {}, schema)) secrets.add(secret);
    for (const { values, stored } of await layersOf(state, manifest)) {
      for (const secret of markedSecrets(values, schema)) secrets.add(secret);
      if (stored === undefined) continue;
      const shown = new Set(texts(stored));
      for (const text of texts(values)) if (!shown.has(text)) secrets.add(text);
    }
  }
  return secrets;
}

async function layersOf(state: KernelState, { symbolicName }: Manifest) {
  try {
    return await state.withConfigSource(async (source) => (await source?.layers(symbolicName)) ?? []);
  } catch {
    // A file that cannot be read is told in config.json.
    return [];
  }
}

function* texts(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'number') yield String(value);
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) yield* texts(part);
}

async function configurations(state: KernelState, runtime: Runtime): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const { symbolicName, manifest, current } of state.inOrder()) {
    if (manifest.config === null) continue;
    const schema = manifest.config.schema;
    try {
      const values = await runtime.configOf(symbolicName);
      all[symbolicName] = Object.fromEntries(
        values.map(({ key, value, layer }) => [
          key,
          { value: (hideMarked({ [key]: value }, schema) as Record<string, unknown>)[key], layer },
        ]),
      );
    } catch (error) {
      all[symbolicName] = { unreadable: messageOf(error), inForce: hideMarked(current?.config ?? {}, schema) };
    }
  }
  return all;
}

function withSafeManifest<T extends { readonly manifest: Readonly<Record<string, unknown>> }>(detail: T): T {
  const manifest = hideInSchema(detail.manifest) as Record<string, unknown>;
  const section = manifest['sluice'] as { config?: { schema?: unknown; defaults?: unknown } } | undefined;
  if (section?.config?.defaults === undefined) return { ...detail, manifest };
  const config = { ...section.config, defaults: hideMarked(section.config.defaults, section.config.schema) };
  return { ...detail, manifest: { ...manifest, sluice: { ...section, config } } };
}

function scopeTree(state: KernelState): string {
  const lines: string[] = [];
  for (const { current, older } of state.inOrder()) {
    for (const revision of [current, older]) {
      if (revision === null) continue;
      lines.push(`${revision.key}${revision === older ? ' (replaced, waits)' : ''}`, ...revision.scope.describe('  '));
      for (const timer of revision.pending()) lines.push(`  ${timer} (set without a context)`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Releases with the names of the keys they set; what was set may be a secret of a bundle that is gone. */
function releases({ journal }: KernelState): unknown {
  return (journal.view.state.releases ?? []).map(({ configuration, release, ...rest }) => ({
    ...rest,
    release: {
      ...release,
      configuration: Object.fromEntries(Object.entries(release.configuration).map(([name, set]) => [name, Object.keys(set)])),
    },
    configuration: configuration.map(({ bundle, key }) => ({ bundle, key })),
  }));
}
