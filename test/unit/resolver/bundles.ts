/** Bundles for resolver tests: a short notation, checked by the real manifest reader. */
import assert from 'node:assert/strict';
import { parseManifest } from '@sluice/kernel/model/index';
import {
  describeWiring,
  kernelCapabilities,
  renderProblem,
  resolve,
  type Resolution,
  type ResolverBundle,
  type ResolveInput,
  type Wiring,
} from '@sluice/kernel/resolver/index';

/** What a test bundle offers and needs. Contracts and packages are written `name@version` and `name@range`; `?` in front: optional. */
export interface BundleNotes {
  readonly provides?: readonly string[];
  readonly requires?: readonly string[];
  readonly exports?: readonly string[];
  readonly imports?: readonly string[];
  /** More keys of the `sluice` section. */
  readonly section?: Readonly<Record<string, unknown>>;
}

let installed = 0;

/** A bundle `name@version`, revision 1; the package exports have its version. */
export function bundle(nameAndVersion: string, notes: BundleNotes = {}): ResolverBundle {
  const [name = '', version = ''] = split(nameAndVersion);
  const result = parseManifest({
    name,
    version,
    sluice: {
      sdk: '^1.0.0',
      ...(notes.section?.['fragment'] === undefined ? exchanged(notes) : {}),
      ...notes.section,
    },
  });
  assert.ok(result.ok, result.ok ? '' : result.mistakes.map((mistake) => mistake.message).join('\n'));
  return { key: `${name}@${version}#1`, manifest: result.manifest, bundleId: ++installed };
}

/** The part of the section about contracts and packages, which a fragment does not have. */
function exchanged(notes: BundleNotes): Readonly<Record<string, unknown>> {
  return {
    provides: (notes.provides ?? []).map((text) => ({ contract: split(text)[0], version: split(text)[1] })),
    requires: (notes.requires ?? []).map((text) => {
      const [contract, range] = split(text.replace('?', ''));
      return { contract, range, optional: text.startsWith('?') };
    }),
    exports: Object.fromEntries((notes.exports ?? []).map((text) => [text, `dist/${text}.cjs`])),
    imports: Object.fromEntries(
      (notes.imports ?? []).map((text) => {
        const [packageName = '', range] = split(text.replace('?', ''));
        return [packageName, { range, optional: text.startsWith('?') }];
      }),
    ),
  };
}

/** The same content installed again, as the next revision. */
export function nextRevision({ key, manifest, bundleId }: ResolverBundle): ResolverBundle {
  const at = key.lastIndexOf('#');
  return { key: `${key.slice(0, at)}#${Number(key.slice(at + 1)) + 1}`, manifest, ...(bundleId === undefined ? {} : { bundleId }) };
}

/** Capabilities of the kernel in tests. */
export const KERNEL = kernelCapabilities([{ id: 'sluice.kernel.Entries', version: '1.0.0' }], '1.4.0');

/** Resolves with everything required unless said otherwise. */
export function resolved(candidates: readonly ResolverBundle[], more: Partial<ResolveInput> = {}): Resolution {
  return resolve({ candidates, required: candidates.map(({ key }) => key), kernel: KERNEL, ...more });
}

/** Wires as text, sorted: `consumer -> provider name@version`. */
export function wires(wiring: Wiring): readonly string[] {
  return describeWiring(wiring).map(
    ({ consumer, provider, name, version, optional }) =>
      `${consumer} -> ${provider} ${name}@${version ?? ''}${optional ? ' optional' : ''}`,
  );
}

/** Problems as text. */
export function problems({ problems: found }: Resolution): readonly string[] {
  return found.map(renderProblem);
}

function split(text: string): readonly [string, string] {
  const at = text.lastIndexOf('@');
  return [text.slice(0, at), text.slice(at + 1)];
}
