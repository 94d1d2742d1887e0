/**
 * Large sets of bundles that look like a real system, the same for the same seed: layers that use contracts of the layers below, a few
 * shared packages in two majors side by side, whiteboard contracts everybody provides, generic capabilities selected by filters,
 * optional and dynamic needs, fragments, several versions of singletons, and some bundles that cannot resolve.
 */
import type { ResolverBundle } from '@sluice/kernel/resolver/index';
import { bundle, type BundleNotes } from './bundles.js';

/** A set of the given size. */
export function generatedSet(size: number, seed = 1): readonly ResolverBundle[] {
  const random = randomNumbers(seed);
  const chance = (percent: number): boolean => random(100) < percent;
  const notesOf = (index: number): BundleNotes => {
    const below = (): string => `x.C${codeBelow(random(index))}`;
    const needs = index === 0 ? [] : Array.from({ length: random(6) }, () => `${chance(15) ? '?' : ''}${below()}@^1.${random(2)}.0`);
    return {
      provides: [
        `x.C${index}@1.${1 + random(3)}.0`,
        ...(isSuccessor(index) ? [`x.C${index - 1}@1.3.0`] : []),
        'w.Routes@1.0.0',
        'w.Health@1.0.0',
      ],
      requires: [...new Map(needs.map((text) => [text.replace(/^\?|@.*/g, ''), text])).values(), ...(chance(1) ? ['x.Gone@^1.0.0'] : [])],
      exports: index < 20 ? [`lib${index % 10}`] : [],
      imports: index < 40 ? [] : unique(Array.from({ length: random(3) }, () => `lib${random(10)}@${chance(50) ? '^1.0.0' : '^2.0.0'}`)),
      section: {
        singleton: index >= 20,
        capabilities: chance(10)
          ? [{ namespace: 'n.Region', attributes: { region: ['eu', 'cn', 'us'][random(3)] ?? '', weight: random(50) } }]
          : [],
        requirements: chance(10)
          ? [
              {
                namespace: 'n.Region',
                filter: `(&(region=eu)(weight>=${random(20)}))`,
                optional: chance(50),
                dynamic: chance(30),
                multiple: chance(20),
              },
            ]
          : [],
      },
    };
  };
  return Array.from({ length: size }, (_, index) => {
    if (isFragment(index))
      return bundle(`f${index}@1.0.0`, { section: { fragment: { host: `n${codeBelow(20 + random(index - 20))}`, range: '^1.0.0' } } });
    // Libraries exist in two majors.
    if (index < 20) return bundle(`lib${index % 10}@${index < 10 ? 1 : 2}.0.0`, notesOf(index));
    return isSuccessor(index) ? bundle(`n${index - 1}@1.1.0`, notesOf(index)) : bundle(`n${index}@1.0.0`, notesOf(index));
  });
}

/** Every twentieth bundle has no code. */
function isFragment(index: number): boolean {
  return index > 20 && index % 20 === 7;
}

/** Every thirtieth bundle is a later version of the one before, which has to give way. */
function isSuccessor(index: number): boolean {
  return index > 20 && index % 30 === 0;
}

function codeBelow(index: number): number {
  return isFragment(index) ? index - 1 : index;
}

/** The items in another order, which the seed decides. */
export function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const random = randomNumbers(seed);
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = random(last + 1);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Map(texts.map((text) => [text.split('@')[0], text])).values()];
}

/** Whole numbers below a bound (mulberry32). */
function randomNumbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % bound) as number;
  };
}
