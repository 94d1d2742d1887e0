/** How a seed is run again, and many seeds one after the other. */

/** The command that runs exactly one seed again. */
export function replayCommand(run: 'simulation' | 'simulation-protocol', seed: number): string {
  return `npm run verify -- ${run} --seed ${seed} --size 1`;
}

/** Runs seeds one after the other and tells of those with problems, at most three. */
export async function problemsOf(
  run: 'simulation' | 'simulation-protocol',
  seeds: { readonly from: number; readonly count: number },
  simulate: (seed: number) => Promise<{ readonly problems: readonly string[] }>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let seed = seeds.from; seed < seeds.from + seeds.count && found.length < 3; seed += 1) {
    const { problems } = await simulate(seed);
    const [first] = problems;
    if (first !== undefined) found.push(`seed ${seed}: ${first}\n    replay with: ${replayCommand(run, seed)}`);
  }
  return found;
}
