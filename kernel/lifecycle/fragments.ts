/**
 * Which fragments belong to which host, and what they give it: files and default configuration. Pure.
 * As in OSGi, what the host has itself comes first, then its fragments in install order; a fragment adds files and replaces none. Its
 * configuration goes before the host's own defaults, or it could not change anything.
 */
import { SluiceError } from '@sluice/sdk';
import type { Manifest } from '../model/index.js';
import { BUNDLE_NAMESPACE, type Wiring } from '../resolver/index.js';
import type { Artifact, Bundle } from './bundle.js';
import type { Target } from './planner.js';

/** A fragment with the key under which it is wired. */
export interface FragmentContent {
  readonly bundleId: number;
  readonly key: string;
  readonly artifact: Artifact;
}

/** Fragments by the key of their host, in install order. */
export type Attachments = ReadonlyMap<string, readonly Artifact[]>;

/** Who is attached to whom in a wiring. */
export function attachments(fragments: readonly FragmentContent[], wiring: Wiring): Attachments {
  const found = new Map<string, Artifact[]>();
  for (const { key, artifact } of [...fragments].sort((a, b) => a.bundleId - b.bundleId)) {
    for (const host of hostsIn(wiring, key, artifact.manifest)) {
      const attached = found.get(host);
      if (attached === undefined) found.set(host, [artifact]);
      else attached.push(artifact);
    }
  }
  return found;
}

/** Keys of hosts that have other fragments afterwards than before. */
export function changedHosts(before: Attachments, after: Attachments): readonly string[] {
  const digests = (attached: readonly Artifact[] = []): string => attached.map(({ digest }) => digest).join();
  return [...new Set([...before.keys(), ...after.keys()])].filter((host) => digests(before.get(host)) !== digests(after.get(host)));
}

/** What a host is with its fragments; the host itself when it has none. */
export function withFragments(host: Artifact, fragments: readonly Artifact[] = []): Artifact {
  if (fragments.length === 0) return host;
  const entries = new Map(host.entries);
  const defaults: Record<string, unknown> = { ...host.manifest.config?.defaults };
  // The last one wins in an object, the first one in a search: so configuration is laid over from the last fragment to the first.
  for (const { manifest } of [...fragments].reverse()) Object.assign(defaults, manifest.fragment?.config);
  for (const fragment of fragments) for (const [path, bytes] of fragment.entries) if (!entries.has(path)) entries.set(path, bytes);
  const { config } = host.manifest;
  const manifest: Manifest = config === null ? host.manifest : Object.freeze({ ...host.manifest, config: { ...config, defaults } });
  return { digest: host.digest, manifest, entries };
}

/** True when a target of a change runs afterwards. A fragment never does: it has no code. */
export function shallTargetRun(target: Pick<Target, 'artifact' | 'autostart' | 'startLevel'>, frameworkStartLevel: number): boolean {
  const { artifact, autostart, startLevel } = target;
  return autostart && startLevel <= frameworkStartLevel && artifact !== null && artifact.manifest.fragment === null;
}

/** @throws SluiceError `FRAGMENT_NOT_STARTABLE` */
export function assertStartable({ symbolicName, artifact }: Pick<Bundle, 'symbolicName' | 'artifact'>): void {
  const { fragment } = artifact.manifest;
  if (fragment === null) return;
  throw new SluiceError('FRAGMENT_NOT_STARTABLE', `'${symbolicName}' is a fragment of '${fragment.host}' and cannot be started`, {
    details: { bundle: symbolicName, host: fragment.host },
    remedy: `It is attached while it is installed. Start '${fragment.host}'.`,
    httpStatus: 409,
  });
}

function hostsIn(wiring: Wiring, key: string, { fragment }: Manifest): readonly string[] {
  const wires = wiring.get(key) ?? [];
  return wires
    .filter(({ requirement }) => requirement.namespace === BUNDLE_NAMESPACE && requirement.name === fragment?.host)
    .map(({ provider }) => provider);
}
