/** Whether a bundle can run in a tier, as far as its manifest tells. Pure. What only the code tells is found when it is loaded. */
import { effectiveTier, isWeaker, type Manifest, type Tier } from '../model/index.js';
import type { ProblemData } from './runtime.js';

/** Why a bundle cannot run in the tier chosen for it, or null. */
export function tierProblem(manifest: Manifest, chosen: Tier | null): ProblemData | null {
  const { symbolicName, versionText, isolation } = manifest;
  const tier = effectiveTier(isolation, chosen);
  const details = { bundle: symbolicName, tier };
  if (chosen !== null && isWeaker(chosen, isolation)) {
    return {
      code: 'ISOLATION_TIER_TOO_WEAK',
      message: `'${symbolicName}' ${versionText} asks for tier '${isolation}' at least and cannot run in '${chosen}'`,
      remedy: `Leave out --tier, or choose '${isolation}'.`,
      details: { ...details, minimum: isolation, chosen },
    };
  }
  if (tier === 'inline') return null;
  const reason = whyNot(manifest);
  if (reason === null) return null;
  return {
    code: 'ISOLATION_UNAVAILABLE',
    message: `'${symbolicName}' ${versionText} cannot run in tier '${tier}': ${reason}`,
    remedy: `Run it inline${isolation === 'inline' ? '' : ' (set "isolation": "inline" in its manifest)'}, or take that out of its manifest.`,
    details,
  };
}

function whyNot({ family, exports, imports, permissions }: Manifest): string | null {
  if (family === 'system') return 'system bundles work with objects of the kernel';
  const [exported] = Object.keys(exports);
  if (exported !== undefined) return `it exports package '${exported}', and code does not cross tiers`;
  const [imported] = Object.keys(imports);
  if (imported !== undefined) return `it imports package '${imported}', and code does not cross tiers`;
  const [contract] = permissions.kernel;
  return contract === undefined ? null : `it uses the kernel's '${contract}'`;
}
