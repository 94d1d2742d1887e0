/** Isolation tiers and their order. A bundle's manifest names the weakest tier it may run in; an operator may choose a stronger one. */

/** How far the code of a bundle is kept from the kernel. */
export type Tier = 'inline' | 'worker' | 'process';

/** From weak to strong. */
export const TIERS: readonly Tier[] = ['inline', 'worker', 'process'];

/** True when `tier` keeps code less far away than `minimum`. */
export function isWeaker(tier: Tier, minimum: Tier): boolean {
  return TIERS.indexOf(tier) < TIERS.indexOf(minimum);
}

/** The tier a bundle runs in: the one chosen, but never a weaker one than its manifest asks for. */
export function effectiveTier(minimum: Tier, chosen: Tier | null): Tier {
  return chosen === null || isWeaker(chosen, minimum) ? minimum : chosen;
}
