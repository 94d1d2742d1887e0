/** The long runs by name, each with its goals. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fuzzArchives } from '../fuzz/archives.js';
import { fuzzManifests } from '../fuzz/manifests.js';
import { runKernels, runProtocols, type SimulationFigures } from '../simulation/run.js';
import { ROOT } from '../support/system.js';
import { bankRuns } from './bank-runs.js';
import { badSwaps } from './bad-swaps.js';
import { createToDeployed } from './create-to-deployed.js';
import { kernelReplacements } from './kernel-replacements.js';
import { faults, loopsInGuests, loopsInline, memoryHogs, tampering } from './isolation.js';
import { killAtRandom } from './kill-at-random.js';
import { overload } from './overload.js';
import { atLeast, atMost, exactly, told, type Report, type Row } from './report.js';
import { swapUnderLoad } from './swap-under-load.js';
import { systemHttpSwaps } from './system-http-swaps.js';
import { tenThousandSwaps } from './ten-thousand-swaps.js';

/** How a run is started. */
export interface RunOptions {
  readonly seed: number;
  /** Instead of the full number of swaps, kills or cases. */
  readonly size?: number;
}

const MEGABYTE = 1_000_000;
const REQUESTS_PER_SECOND = 200;
const CLIENTS = 32;
const WARM_UP_CASES = 500;

/** All runs, in the order in which they run. */
export const RUNS: Readonly<Record<string, (options: RunOptions) => Promise<Report>>> = {
  'swap-under-load': async ({ seed, size = 1_000 }) => {
    const options = { swaps: size, clients: CLIENTS, requestsPerSecond: REQUESTS_PER_SECOND, steadyMs: 10_000, seed };
    const figures = await swapUnderLoad(options);
    return {
      rows: [
        exactly('swaps', figures.swaps, size),
        told('requests', figures.requests),
        told('transfers', figures.transfers),
        atMost('failed', figures.failed, 0),
        atMost('connections reset', figures.resets, 0),
        atMost('transfers executed twice', figures.executedTwice, 0),
        atMost('transfers lost', figures.lost, 0),
        atMost('requests that saw two versions', figures.sawTwoVersions, 0),
        atMost('connections that went back a version', figures.wentBack, 0),
        told('p99 steady', figures.steadyP99Ms, ' ms'),
        atMost('p99 while swapping', figures.swappingP99Ms, figures.steadyP99Ms + 10, ' ms'),
        told('swap without drain, p50', figures.swapP50Ms, ' ms'),
        atMost('swap without drain, p99', figures.swapP99Ms, 250, ' ms'),
        atMost('old revisions not collected', figures.notCollected, 0),
      ],
      problems: figures.problems,
    };
  },

  overload: async ({ size = 60 }) => {
    const figures = await overload(size);
    return {
      rows: [
        told('capacity of the bundle', figures.capacity, ' a second'),
        told('asked for', figures.offered, ' a second'),
        atLeast('answered, share of the capacity', figures.goodputShare, 0.8),
        atMost('p99 of what was answered', figures.acceptedP99Ms, 2 * figures.normalP99Ms, ' ms'),
        atMost('p99 of a refusal', figures.refusedP99Ms, 20, ' ms'),
        atMost('refused otherwise than with 503 and Retry-After', figures.refusedOtherwise, 0),
        atMost('memory growth of the process', figures.memoryGrowthBytes / MEGABYTE, 100, ' MB'),
        told('p99 of another bundle before', figures.othersBeforeP99Ms, ' ms'),
        atMost('p99 of another bundle meanwhile', figures.othersDuringP99Ms, figures.othersBeforeP99Ms + 10, ' ms'),
        atMost('back to normal after', figures.recoveryMs, 5_000, ' ms'),
      ],
      problems: [],
    };
  },

  'create-to-deployed': async ({ size = 30 }) => {
    const figures = await createToDeployed(size);
    return {
      rows: [
        atMost('from create to the first answer', figures.createToDeployedMs, 60_000, ' ms'),
        exactly('commands: create, test, deploy', figures.commands, 3),
        exactly('saves', figures.saves, size),
        atMost('save to new answer, p50', figures.saveToAnswerP50Ms, 150, ' ms'),
        told('save to new answer, p95', figures.saveToAnswerP95Ms, ' ms'),
      ],
      problems: figures.problems,
    };
  },

  'kernel-replacements': async ({ size = 50 }) => {
    const figures = await kernelReplacements({ replacements: size, connections: CLIENTS, requestsBetween: 500 });
    return {
      rows: [
        exactly('kernels replaced', figures.replaced, size),
        told('requests', figures.requests),
        told('transfers', figures.transfers),
        atMost('failed', figures.failed, 0),
        atMost('connections reset', figures.resets, 0),
        told('new connections waited, p50', figures.pauseP50Ms, ' ms'),
        told('longest request', figures.longestMs, ' ms'),
        atMost('serving again after a kill', figures.afterKillMs, 2_000, ' ms'),
      ],
      problems: figures.problems,
    };
  },

  'system-http-swaps': async ({ size = 20 }) => {
    const figures = await systemHttpSwaps({ swaps: size, connections: CLIENTS, steadyMs: 3_000 });
    return {
      rows: [
        ...figures.phases.flatMap(({ bundle, ...phase }): Row[] => [
          exactly(`${bundle}: swaps`, phase.committed, size),
          // The http bundle closes each connection with an answer at every swap; a channel closes none.
          atMost(`${bundle}: connections opened anew`, phase.reopened, bundle === 'system.http' ? size * CLIENTS : 0),
          told(`${bundle}: p99`, phase.p99Ms, ' ms'),
          told(`${bundle}: longest request`, phase.longestMs, ' ms'),
          told(`${bundle}: swap p50`, phase.swapP50Ms, ' ms'),
          told(`${bundle}: throughput kept`, phase.throughputShare),
        ]),
        told('requests', figures.requests),
        told('p99 steady', figures.steadyP99Ms, ' ms'),
        atMost('failed', figures.failed, 0),
        atMost('connections reset', figures.resets, 0),
        atMost('old revisions not collected', figures.notCollected, 0),
      ],
      problems: figures.problems,
    };
  },

  'bad-swaps': async ({ seed, size = 10 }) => {
    const figures = await badSwaps({ rounds: size, clients: CLIENTS, requestsPerSecond: REQUESTS_PER_SECOND, seed });
    return {
      rows: [
        ...figures.kinds.flatMap(({ kind, asExpected, failedMax, longestMs }, index): Row[] =>
          index < figures.kinds.length - 1
            ? [exactly(`${kind}: refused`, asExpected, size), atMost(`${kind}: failed requests`, failedMax, 0)]
            : [
                exactly(`${kind}: taken back`, asExpected, size),
                atMost(`${kind}: failed requests, worst`, failedMax, 20),
                atMost(`${kind}: until the old one served again, longest`, longestMs / 1_000, 10, ' s'),
              ],
        ),
        told(
          'requests',
          figures.kinds.reduce((sum, { requests }) => sum + requests, 0),
        ),
        atMost('connections reset', figures.resets, 0),
        atMost('transfers lost', figures.lost, 0),
        atMost('transfers executed twice', figures.executedTwice, 0),
        atMost('bad revisions not collected', figures.notCollected, 0),
      ],
      problems: figures.problems,
    };
  },

  'kill-at-random': async ({ seed, size = 100 }) => {
    const figures = await killAtRandom({ kills: size, customers: 8, seed });
    return {
      rows: [
        exactly('kills', figures.kills, size),
        told('kills during a deploy', figures.duringDeploy),
        told('came up with the old version', figures.cameUpOld),
        told('came up with the new version', figures.cameUpNew),
        atMost('came up mixed', figures.mixed, 0),
        told('transfers acknowledged', figures.transfersAcknowledged),
        atMost('accounts with a transfer lost or doubled', figures.lostOrDoubled, 0),
        atMost('sum of money changed', Number(figures.moneyChanged), 0),
        told('serving again, p50', figures.restartP50Ms / 1_000, ' s'),
        atMost('serving again, longest', figures.restartMaxMs / 1_000, 2, ' s'),
        atMost('orphan files', figures.orphanFiles, 0),
      ],
      problems: figures.problems,
    };
  },

  'ten-thousand-swaps': async ({ size = 10_000 }) => {
    const figures = await tenThousandSwaps({ swaps: size, settledAfter: Math.min(500, Math.ceil(size / 4)) });
    return {
      rows: [
        exactly('swaps', figures.committed, size),
        exactly('old revisions collected', figures.collected, size),
        atMost('heap growth', figures.heapGrowthBytes / MEGABYTE, 5, ' MB'),
        atMost('memory growth of the process', figures.rssGrowthBytes / MEGABYTE, 30, ' MB'),
        { what: 'open handles more', found: figures.handles.join(', ') || '0', goal: '0', ok: figures.handles.length === 0 },
        atMost('open files more', figures.descriptorGrowth, 0),
        atMost('listeners on the process more', figures.listenerGrowth, 0),
        told('files in the data folder', figures.filesInDataFolder),
        told('swap p50', figures.swapP50Ms, ' ms'),
        told('swap p99', figures.swapP99Ms, ' ms'),
        told(
          'of all revisions',
          Object.entries(figures.facts)
            .map(([what, count]) => `${count} ${what}`)
            .join(', '),
        ),
      ],
      problems: figures.problems,
    };
  },

  'fuzz-manifests': async ({ seed, size = 10_000 }) => {
    const { count, accepted, refused, slowestMs, failures } = fuzzManifests(size, seed);
    return {
      rows: [
        exactly('manifests', count, size),
        told('accepted (harmless changes)', accepted),
        told('refused with a code and a place', refused),
        atMost('slowest', slowestMs, 1_000, ' ms'),
        atMost('failures', failures.length, 0),
      ],
      problems: failures.slice(0, 20),
    };
  },

  'fuzz-archives': async ({ seed, size = 10_000 }) => {
    // The generator keeps the bombs it makes; they shall not count as memory of the reader.
    fuzzArchives(WARM_UP_CASES, seed + size);
    const { count, acceptedIdentical, refused, slowestMs, rssGrowthBytes, failures } = fuzzArchives(size, seed);
    return {
      rows: [
        exactly('archives', count, size),
        told('accepted with the same content', acceptedIdentical),
        told('refused with a code and a place', refused),
        atMost('slowest', slowestMs, 1_000, ' ms'),
        atMost('memory growth of the process', rssGrowthBytes / MEGABYTE, 100, ' MB'),
        atMost('failures', failures.length, 0),
      ],
      problems: failures.slice(0, 20),
    };
  },

  ...bankRuns,

  simulation: async ({ seed, size = 10_000 }) => simulated(await runKernels(seed, size)),

  'simulation-protocol': async ({ seed, size = 100_000 }) => simulated(await runProtocols(seed, size)),

  'isolation-loops': ({ size = 12 }) => loopsInGuests(size),
  'isolation-inline-loops': ({ size = 2 }) => loopsInline(size),
  'isolation-memory': () => memoryHogs(),
  'isolation-faults': ({ size = 200 }) => faults(size),
  'isolation-tampering': () => tampering(),

  'crash-tests': async ({ seed, size = 100 }) => {
    const report = join(ROOT, 'build/verify/crash-tests.json');
    mkdirSync(join(ROOT, 'build/verify'), { recursive: true });
    const env = { ...process.env, SLUICE_TEST_REPORT: report };
    Object.assign(env, { SLUICE_KILLS: String(size), SLUICE_CRASH_ROUNDS: String(size), SLUICE_SEED: String(seed) });
    const files = ['host', 'data'].map((area) => join(ROOT, `build/test/crash/${area}/**/*.test.js`));
    const { status } = spawnSync(process.execPath, [join(ROOT, 'node_modules/mocha/bin/mocha.js'), ...files], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const counts = JSON.parse(readFileSync(report, 'utf8')) as { passed: number; failed: number; skipped: number };
    return {
      rows: [
        told('kills of the store and the journal', size),
        told('kills of each database while it posts', size),
        atLeast('tests passed', counts.passed, 1),
        atMost('tests failed', counts.failed, 0),
        told('tests skipped', counts.skipped),
      ],
      problems: status === 0 ? [] : [`mocha ended with ${status}`],
    };
  },
};

function simulated({ seeds, withProblems, problems, totals }: SimulationFigures): Report {
  return {
    rows: [
      told('seeds', seeds),
      ...Object.entries(totals).map(([what, count]) =>
        told(
          what.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
          count,
        ),
      ),
      atMost('seeds with problems', withProblems, 0),
    ],
    problems,
  };
}
