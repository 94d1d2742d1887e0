/** The long runs of the simulation: many seeds, their totals, and what was found with the command that replays it. */
import { simulateKernel } from './kernel-simulation.js';
import { simulateProtocol } from './protocol-simulation.js';
import { replayCommand } from './replay.js';

/** What many seeds came to. */
export interface SimulationFigures {
  readonly seeds: number;
  readonly withProblems: number;
  readonly problems: readonly string[];
  /** What happened in all of them, by what it is. */
  readonly totals: Readonly<Record<string, number>>;
}

const PROBLEMS_MAX = 20;
/** Print every line of what the kernels do. */
const IS_TRACED = process.env['SLUICE_TRACE'] === '1';

/** Simulates kernels. */
export function runKernels(from: number, count: number): Promise<SimulationFigures> {
  return runSeeds('simulation', from, count, async (seed) => {
    const { problems, counts, trace } = await simulateKernel({ seed, keepTrace: IS_TRACED });
    if (IS_TRACED) process.stdout.write(`${trace.join('\n')}\n`);
    return { problems, counts: { ...counts } };
  });
}

/** Simulates the protocol alone. */
export function runProtocols(from: number, count: number): Promise<SimulationFigures> {
  return runSeeds('simulation-protocol', from, count, async (seed) => {
    const { problems, crashes, faults, commits } = await simulateProtocol(seed);
    return { problems, counts: { commits, crashes, faults } };
  });
}

async function runSeeds(
  run: 'simulation' | 'simulation-protocol',
  from: number,
  count: number,
  simulate: (seed: number) => Promise<{ readonly problems: readonly string[]; readonly counts: Readonly<Record<string, number>> }>,
): Promise<SimulationFigures> {
  const totals: Record<string, number> = {};
  const found: string[] = [];
  let withProblems = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const { problems, counts } = await simulate(seed);
    for (const [what, number] of Object.entries(counts)) totals[what] = (totals[what] ?? 0) + number;
    if (problems.length === 0) continue;
    withProblems += 1;
    if (found.length < PROBLEMS_MAX) found.push(`seed ${seed}: ${problems.join('\n       ')}\n       ${replayCommand(run, seed)}`);
  }
  return { seeds: count, withProblems, problems: found, totals };
}
