/** Who loses a service they need when bundles stop or go, with nobody else to provide it. Pure; stopping asks nobody, so a plan tells it. */
import type { RequiredContract } from '../model/index.js';
import type { Bundle } from './bundle.js';
import type { UnservedBundle } from './runtime.js';

/**
 * @param bundles every installed bundle.
 * @param leaving those of them that run now and will not.
 */
export function unservedWithout(bundles: readonly Bundle[], leaving: ReadonlySet<Bundle>): readonly UnservedBundle[] {
  if (leaving.size === 0) return [];
  const lost = new Map<string, string>();
  for (const { artifact, symbolicName } of leaving) for (const { contract } of artifact.manifest.provides) lost.set(contract, symbolicName);
  const staying = bundles.filter((bundle) => bundle.current !== null && !leaving.has(bundle));
  return staying.flatMap(({ symbolicName, artifact }) =>
    artifact.manifest.requires.flatMap((required) => {
      const provider = lost.get(required.contract);
      if (provider === undefined || required.optional || staying.some((other) => provides(other, required))) return [];
      return [{ bundle: symbolicName, contract: required.contract, provider }];
    }),
  );
}

function provides({ artifact }: Bundle, { contract, range }: RequiredContract): boolean {
  return artifact.manifest.provides.some((provided) => provided.contract === contract && range.includes(provided.version));
}
