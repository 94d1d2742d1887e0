/**
 * Random systems for resolver tests: few names, few versions, so that every kind of conflict is common. And a plain-spoken checker that
 * asks the manifests, never the resolver, whether an answer is true.
 */
import fc from 'fast-check';
import { normaliseProperties, type Manifest, type RequiredContract } from '@sluice/kernel/model/index';
import type { ResolutionProblem, ResolverBundle, Wiring } from '@sluice/kernel/resolver/index';
import { bundle, KERNEL, type BundleNotes } from '../../unit/resolver/bundles.js';

const version = fc.constantFrom('1.0.0', '1.1.0', '2.0.0', '1.0.0-rc.1');
const range = fc.constantFrom('^1.0.0', '>=1.0.0', '^2.0.0', '[1.1,2)', '*', '~1.0.0');
const contract = fc.constantFrom('c.A', 'c.B', 'c.C', 'c.D');
const packageName = fc.constantFrom('pa', 'pb', 'pc');
const mark = fc.constantFrom('', '', '?');
const joined = (...parts: fc.Arbitrary<string>[]) =>
  fc.tuple(...parts).map(([first, second, third]) => (third === undefined ? `${first}@${second}` : `${first}${second}@${third}`));

const generic = fc.record({
  namespace: fc.constantFrom('n.X', 'n.Y'),
  filter: fc.constantFrom('(k=1)', '(k>=2)', '(k=*)'),
  optional: fc.boolean(),
  multiple: fc.boolean(),
  dynamic: fc.boolean(),
  effective: fc.constantFrom('resolve', 'resolve', 'resolve', 'active'),
});
const capabilities = fc.array(
  fc.record({
    namespace: fc.constantFrom('n.X', 'n.Y'),
    attributes: fc.record({ k: fc.constantFrom(1, 2, 3) }),
    effective: fc.constantFrom('resolve', 'resolve', 'resolve', 'active'),
  }),
  { maxLength: 2 },
);
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const fragmentNotes: fc.Arbitrary<BundleNotes> = fc.record({
  section: fc.record({
    fragment: fc.record({ host: name, range }),
    singleton: fc.boolean(),
    capabilities,
    requirements: fc.array(generic, { maxLength: 1 }),
  }),
});
const hostNotes: fc.Arbitrary<BundleNotes> = fc.record({
  provides: fc.uniqueArray(joined(contract, version), { maxLength: 3 }),
  requires: fc.uniqueArray(joined(mark, contract, range), { maxLength: 3 }),
  exports: fc.uniqueArray(packageName, { maxLength: 2 }),
  imports: fc.uniqueArray(joined(mark, packageName, range), { maxLength: 2, selector: (text) => text.replace(/^\?|@.*/g, '') }),
  section: fc.record({
    singleton: fc.boolean(),
    fragmentAttachment: fc.constantFrom('always', 'always', 'never'),
    capabilities,
    requirements: fc.array(generic, { maxLength: 1 }),
    sdk: fc.constantFrom('^1.0.0', '^1.0.0', '^1.0.0', '^1.0.0', '^2.0.0'),
  }),
});

/** Bundles with unique keys. */
export const system: fc.Arbitrary<readonly ResolverBundle[]> = fc
  .uniqueArray(fc.tuple(name, version, fc.oneof({ weight: 5, arbitrary: hostNotes }, { weight: 1, arbitrary: fragmentNotes })), {
    minLength: 1,
    maxLength: 9,
    selector: ([symbolicName, text]) => symbolicName + text,
  })
  .map((entries) => entries.map(([symbolicName, text, what]) => bundle(`${symbolicName}@${text}`, what)));

/** Systems in which nothing but unmet requirements can fail: no singletons, no two majors, no packages. */
export const peacefulSystem: fc.Arbitrary<readonly ResolverBundle[]> = fc
  .array(
    fc.record({
      provides: fc.uniqueArray(joined(contract, fc.constantFrom('1.0.0', '1.1.0')), { maxLength: 2 }),
      requires: fc.uniqueArray(joined(mark, contract, fc.constantFrom('^1.0.0', '^1.1.0', '^2.0.0')), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((all) => all.map((what, index) => bundle(`n${index}@1.0.0`, { ...what, section: { singleton: false } })));

/** A change of a system: bundles that go, that come, that get a next revision. Positions wrap around. */
export interface Change {
  readonly removed: readonly number[];
  readonly swapped: readonly number[];
  readonly added: readonly ResolverBundle[];
  /** The change is only planned, not made. */
  readonly dropped: boolean;
}

const positions = fc.array(fc.nat({ max: 30 }), { maxLength: 2 });
/** Sequences of changes. */
export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({ removed: positions, swapped: positions, added: system, dropped: fc.boolean() }),
  { maxLength: 4 },
);

/** The candidates after a change. */
export function changed(candidates: readonly ResolverBundle[], change: Change): readonly ResolverBundle[] {
  const size = Math.max(1, candidates.length);
  const removed = new Set(change.removed.map((position) => position % size));
  const swapped = new Set(change.swapped.map((position) => position % size));
  const kept = candidates
    .filter((_, index) => !removed.has(index))
    .map((candidate, index) => (swapped.has(index) ? rekeyed(candidate) : candidate));
  return [...kept, ...change.added.map(rekeyed)];
}

let revision = 1;

/** The same content under a key never used before: a key stands for one content. */
function rekeyed(candidate: ResolverBundle): ResolverBundle {
  return { ...candidate, key: candidate.key.replace(/#.*/, `#${++revision}`) };
}

/** What a wiring gets wrong, in words; empty when it is sound. */
export function unsoundness(candidates: readonly ResolverBundle[], wiring: Wiring): readonly string[] {
  const manifests = new Map(candidates.map(({ key, manifest }) => [key, manifest]));
  const wrong: string[] = [];
  for (const [consumer, wires] of wiring) {
    const manifest = manifests.get(consumer);
    if (manifest === undefined) {
      wrong.push(`${consumer} is wired but no candidate`);
      continue;
    }
    for (const { provider, requirement, capability } of wires) {
      if (provider !== 'kernel' && !wiring.has(provider)) wrong.push(`${consumer} is wired to ${provider}, which is not resolved`);
      const offered = offersOf(provider, manifests.get(provider));
      if (!offered.some((offer) => JSON.stringify(offer) === JSON.stringify(plain(capability))))
        wrong.push(`${provider} does not offer ${capability.name}`);
      if (requirement.name !== '' && requirement.name !== capability.name)
        wrong.push(`${consumer} asked for ${requirement.name}, got ${capability.name}`);
      if (requirement.namespace !== capability.namespace) wrong.push(`${consumer} got another namespace`);
      if (requirement.range !== null && !(capability.version && requirement.range.includes(capability.version)))
        wrong.push(`${consumer}: out of range`);
      if (requirement.filter !== null && !requirement.filter.matchesNormalised(normaliseProperties(capability.attributes)))
        wrong.push(`${consumer}: filter`);
    }
    wrong.push(
      ...unmet(
        manifest,
        wires.map(
          ({ requirement }) =>
            `${requirement.namespace} ${requirement.name} ${requirement.range?.toString() ?? ''} ${requirement.filter?.text ?? ''}`,
        ),
      ).map((text) => `${consumer}: ${text}`),
    );
  }
  return [
    ...wrong,
    ...doubledSingletons(manifests, wiring),
    ...importCircles(wiring),
    ...disagreements(manifests, wiring),
    ...missedHosts(manifests, wiring),
  ];
}

/** Resolved hosts that a resolved fragment should belong to and does not, and the other way round. */
function missedHosts(manifests: ReadonlyMap<string, Manifest>, wiring: Wiring): readonly string[] {
  return [...wiring].flatMap(([key, wires]) => {
    const fragment = manifests.get(key)?.fragment ?? null;
    if (fragment === null) return [];
    const isHost = ({ symbolicName, fragmentAttachment, version: text, fragment: other }: Manifest) =>
      symbolicName === fragment.host && other === null && fragmentAttachment === 'always' && fragment.range.includes(text);
    const hosts = [...wiring.keys()].filter((host) => isHost(manifests.get(host) as Manifest));
    const wired = wires.filter(({ requirement }) => requirement.namespace === 'sluice.bundle').map(({ provider }) => provider);
    return hosts.sort().join() === wired.sort().join() && hosts.length > 0 ? [] : [`${key} is attached to ${wired}, not to ${hosts}`];
  });
}

/** Mandatory requirements that are not among the wired ones. */
function unmet(manifest: Manifest, wired: readonly string[]): readonly string[] {
  const mandatory = [
    ...manifest.requires
      .filter((need) => !need.optional)
      .map((need) => `sluice.contract ${need.contract} ${need.range.toString()} ${filterText(need)}`),
    ...Object.entries(manifest.imports)
      .filter(([, need]) => !need.optional)
      .map(([name, need]) => `sluice.package ${name} ${need.range.toString()} `),
    ...manifest.requirements
      .filter((need) => !need.optional && need.effective === 'resolve')
      .map((need) => `${need.namespace}   ${need.filter?.text ?? ''}`),
  ];
  const missing = mandatory.filter((text) => !wired.includes(text));
  return manifest.sdkRange.toString() === '^2.0.0' ? [...missing, 'needs another SDK'] : missing;
}

function filterText(need: RequiredContract): string {
  return need.filter?.text ?? '';
}

function doubledSingletons(manifests: ReadonlyMap<string, Manifest>, wiring: Wiring): readonly string[] {
  const names = [...wiring.keys()].flatMap((key) => (manifests.get(key)?.singleton ? [manifests.get(key)?.symbolicName] : []));
  return names.filter((name, index) => names.indexOf(name) !== index).map((name) => `two singletons ${name}`);
}

/** Bundles that cannot be loaded in any order, because of imports. */
function importCircles(wiring: Wiring): readonly string[] {
  const loaded = new Set(['kernel']);
  for (let before = -1; before !== loaded.size;) {
    before = loaded.size;
    for (const [key, wires] of wiring) {
      const imports = wires.filter(({ capability, provider }) => capability.namespace === 'sluice.package' && provider !== key);
      if (imports.every(({ provider }) => loaded.has(provider))) loaded.add(key);
    }
  }
  return [...wiring.keys()].filter((key) => !loaded.has(key)).map((key) => `${key} can never be loaded`);
}

function disagreements(manifests: ReadonlyMap<string, Manifest>, wiring: Wiring): readonly string[] {
  const sees = (key: string): readonly string[] => [
    ...(manifests.get(key)?.provides ?? []).map((provided) => `${provided.contract}@${provided.version.major}`),
    ...(wiring.get(key) ?? [])
      .filter(({ capability }) => capability.namespace === 'sluice.contract')
      .map(({ capability }) => `${capability.name}@${capability.version?.major ?? ''}`),
  ];
  const wrong: string[] = [];
  for (const [consumer, wires] of wiring) {
    for (const { provider, capability } of wires) {
      if (
        provider === consumer ||
        provider === 'kernel' ||
        !capability.namespace.startsWith('sluice.') ||
        capability.namespace === 'sluice.bundle'
      )
        continue;
      const [mine, theirs] = [sees(consumer), sees(provider)];
      for (const name of new Set(mine.map((text) => text.split('@')[0] ?? ''))) {
        const of = (all: readonly string[]) => all.filter((text) => text.startsWith(`${name}@`));
        if (of(theirs).length > 0 && !of(mine).some((text) => theirs.includes(text)))
          wrong.push(`${consumer} and ${provider} disagree on ${name}`);
      }
    }
  }
  return wrong;
}

interface PlainOffer {
  readonly namespace: string;
  readonly name: string;
  readonly version: string | null;
}

/** What a manifest offers, read from the manifest. */
function offersOf(key: string, manifest: Manifest | undefined): readonly PlainOffer[] {
  if (key === 'kernel') return KERNEL.map(plain);
  if (manifest === undefined) return [];
  const own = manifest.version.toString();
  return [
    { namespace: 'sluice.bundle', name: manifest.symbolicName, version: own },
    ...manifest.provides.map((provided) => ({
      namespace: 'sluice.contract',
      name: provided.contract,
      version: provided.version.toString(),
    })),
    ...Object.keys(manifest.exports).map((name) => ({ namespace: 'sluice.package', name, version: own })),
    ...manifest.capabilities
      .filter(({ effective }) => effective === 'resolve')
      .map(({ namespace }) => ({ namespace, name: '', version: null })),
  ];
}

function plain({ namespace, name, version }: { namespace: string; name: string; version: { toString(): string } | null }): PlainOffer {
  return { namespace, name, version: version?.toString() ?? null };
}

/** Problems that are not so, in words; empty when every problem is real. */
export function unreality(
  candidates: readonly ResolverBundle[],
  wiring: Wiring,
  problems: readonly ResolutionProblem[],
): readonly string[] {
  const manifests = new Map(candidates.map(({ key, manifest }) => [key, manifest]));
  const offers = [...candidates.flatMap(({ key, manifest }) => offersOf(key, manifest)), ...KERNEL.map(plain)];
  const reported = new Set(problems.map(({ bundle: key }) => key));
  return problems.flatMap((problem) => {
    const wrong = (text: string) => [`${problem.kind} of ${problem.bundle}: ${text}`];
    if (wiring.has(problem.bundle)) return wrong('it resolved');
    switch (problem.kind) {
      case 'missing':
        return offers.some(({ namespace, name }) => namespace === problem.requirement.namespace && name === problem.requirement.name)
          ? wrong('it is offered')
          : [];
      case 'filtered':
        return problem.refused.length === 0 ? wrong('nobody was refused') : [];
      case 'singleton-conflict':
        return manifests.get(problem.chosen)?.symbolicName === manifests.get(problem.bundle)?.symbolicName
          ? []
          : wrong('the chosen one is another bundle');
      case 'chain':
        return problem.path.some((key) => wiring.has(key)) ||
          !reported.has(problem.cause.bundle) ||
          problem.path.at(-1) !== problem.cause.bundle
          ? wrong('the path does not lead to a cause')
          : [];
      case 'contract-conflict':
        return problem.sees.some((major) => problem.otherSees.includes(major)) ? wrong('both see one major') : [];
      case 'cycle':
        return problem.path.every(
          (key, index) =>
            problem.packages[index] !== undefined && Object.hasOwn(manifests.get(key)?.imports ?? {}, problem.packages[index]),
        )
          ? []
          : wrong('a step imports nothing');
      default:
        return wrong('not expected here');
    }
  });
}
