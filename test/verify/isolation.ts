/** The figures of the isolation tiers: loops, memory, faults, tampering; what each tier contains and what it does not. */
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Tier } from '@sluice/kernel/model/index';
import { IsolationSystem, type Watched } from './isolation-system.js';
import { atMost, exactly, told, type Report, type Row } from './report.js';

type GuestTier = Exclude<Tier, 'inline'>;

const STEADY_MS = 3_000;
const FAILURES_BEFORE_FRESH_BUDGET = 3;
const MEGABYTE = 1024 * 1024;

async function withSystem<T>(tier: Tier, count: number, work: (system: IsolationSystem) => Promise<T>): Promise<T> {
  const system = await IsolationSystem.start(tier, count);
  try {
    return await work(system);
  } finally {
    await system.stop();
  }
}

/** I1: endless loops in a tier of their own. */
export async function loopsInGuests(size: number): Promise<Report> {
  const rows: Row[] = [];
  for (const tier of ['worker', 'process'] as const) {
    rows.push(...(await withSystem(tier, 1, (system) => oneLoop(system, size))));
    const loops = 2 * cpus().length;
    rows.push(...(await withSystem(tier, loops, (system) => manyLoops(system, loops))));
  }
  return { rows, problems: [] };
}

async function oneLoop(system: IsolationSystem, rounds: number): Promise<Row[]> {
  const { watched: steady } = await system.watching(() => delay(STEADY_MS));
  const detected: number[] = [];
  const restarted: number[] = [];
  let missed = 0;
  const { watched } = await system.watching(async () => {
    for (let round = 0; round < rounds; round += 1) {
      if (round % FAILURES_BEFORE_FRESH_BUDGET === 0) await system.restart();
      const at = Date.now();
      void system.make(round % 2 === 0 ? 'loop-in-handler' : 'loop-in-timer');
      const found = await system.line('sample.trouble', at, /endless loop/);
      const again = found === undefined ? undefined : await system.line('sample.trouble', found.at, /^Started again/);
      if (found === undefined || again === undefined) missed += 1;
      else {
        detected.push(found.at - at);
        // Each next start of a minute waits longer on purpose; the first waits for nothing.
        if (round % FAILURES_BEFORE_FRESH_BUDGET === 0) restarted.push(again.at - found.at);
      }
    }
  });
  const { tier } = system;
  return [
    exactly(`${tier}: loops detected and the bundle started again`, rounds - missed, rounds),
    atMost(`${tier}: detected and stopped after, longest`, Math.max(...detected), 1_100, ' ms'),
    atMost(`${tier}: started again after the stop, longest`, Math.max(...restarted), 500, ' ms'),
    ...besides(`${tier}, one loop`, watched, steady, 10),
  ];
}

async function manyLoops(system: IsolationSystem, loops: number): Promise<Row[]> {
  const { watched: steady } = await system.watching(() => delay(STEADY_MS));
  const { watched, result } = await system.watching(async () => {
    const at = Date.now();
    for (const name of system.troublemakers) void system.make('loop-in-handler', name);
    const found = await Promise.all(system.troublemakers.map((name) => system.line(`sample.${name}`, at, /endless loop/)));
    return found.map((line) => (line === undefined ? Number.POSITIVE_INFINITY : line.at - at));
  });
  return [
    told(`${system.tier}: ${loops} loops at once, all stopped after`, Math.max(...result), ' ms'),
    ...besides(`${system.tier}, ${loops} loops`, watched, steady, 25),
  ];
}

function besides(what: string, watched: Watched, steady: Watched, moreMs: number): Row[] {
  return [
    atMost(`${what}: failed requests to others, of ${watched.requests}`, watched.failed, 0),
    atMost(`${what}: p99 of others`, watched.p99Ms, steady.p99Ms + moreMs, ' ms'),
  ];
}

/** Every way a loop can be entered in the kernel's own thread. */
const INLINE_LOOPS = [
  'loop-in-handler',
  'loop-after-await',
  'loop-in-timer',
  'loop-in-interval',
  'loop-in-immediate',
  'loop-in-file-callback',
  'loop-in-tick',
  'loop-in-listener',
  'loop-in-script',
  'loop-in-regexp',
  'loop-in-catch',
] as const;

/** I2: endless loops of inline bundles. */
export async function loopsInline(rounds: number): Promise<Report> {
  return withSystem('inline', 1, async (system) => {
    const { pid } = await system.system.admin.status();
    const rows: Row[] = [];
    let failed = 0;
    for (const how of INLINE_LOOPS) {
      let named = 0;
      let longestMs = 0;
      let heldMs = 0;
      for (let round = 0; round < rounds; round += 1) {
        const { result, watched } = await system.watching(async () => {
          const at = performance.now();
          void system.make(how);
          const reason = await system.quarantine();
          return { reason, afterMs: performance.now() - at };
        });
        failed += watched.failed;
        heldMs = Math.max(heldMs, watched.longestMs);
        longestMs = Math.max(longestMs, result.afterMs);
        if (/'sample\.trouble' 1\.0\.0 .* function '.+' at .*kinds\.ts:\d+:\d+/.test(result.reason ?? '')) named += 1;
        await system.system.admin.start('sample.trouble', {});
      }
      rows.push(exactly(`${how}: bundle, function and line named`, named, rounds));
      rows.push(atMost(`${how}: everybody held up, longest`, heldMs, 2_000, ' ms'));
      rows.push(told(`${how}: quarantined after, longest`, longestMs, ' ms'));
    }
    const after = await system.system.admin.status();
    rows.push(exactly('process replaced', after.pid === pid ? 0 : 1, 0), atMost('failed requests to others', failed, 0));
    return { rows, problems: [] };
  });
}

const HOGS = [
  'hog-objects',
  'hog-map',
  'hog-set',
  'hog-json',
  'hog-strings',
  'hog-promises',
  'hog-buffers',
  'hog-buffers-at-once',
] as const;
/** Shapes that V8 cannot keep to the limit of a worker: it ends the whole process. */
const UNCONTAINED_IN_WORKER = 2;
/** What the manifest's defaults allow a guest, with what Node itself takes. */
const GUEST_MEGABYTES = 128 + 128 + 96;

/** I3: memory that grows without end. */
export async function memoryHogs(): Promise<Report> {
  const rows: Row[] = [];
  for (const tier of ['worker', 'process'] as const) {
    let survived = 0;
    for (const how of HOGS) {
      const found = await withSystem(tier, 1, (system) => oneHog(system, how));
      if (found.survived) survived += 1;
      rows.push(told(`${tier}: ${how}`, found.words));
      if (tier === 'process') {
        const limitMegabytes = Math.max(GUEST_MEGABYTES * 1.5, GUEST_MEGABYTES + 128);
        rows.push(atMost(`process: ${how}, peak`, found.peakBytes / MEGABYTE, limitMegabytes, ' MB'));
        rows.push(atMost(`process: ${how}, failed requests to others`, found.failed, 0));
      }
    }
    const wanted = tier === 'process' ? HOGS.length : HOGS.length - UNCONTAINED_IN_WORKER;
    rows.push({ ...told(`${tier}: kernel survives`, `${survived} of ${HOGS.length}`), goal: `at least ${wanted}`, ok: survived >= wanted });
  }
  return { rows, problems: [] };
}

async function oneHog(
  system: IsolationSystem,
  how: string,
): Promise<{ survived: boolean; words: string; peakBytes: number; failed: number }> {
  const at = Date.now();
  const { result, peakBytes } = await system.peakOfGuests(() =>
    system.watching(async () => {
      void system.make(how);
      return Promise.race([
        system.line('sample.trouble', at, /failed in tier/).then((line) => line?.message ?? 'not ended'),
        dies(system).then(() => null),
      ]);
    }),
  );
  const alive = result.result !== null && (await system.isCalm());
  const reason = result.result === null ? 'the whole process died' : (result.result.split(': ')[1]?.split(';')[0] ?? result.result);
  return { survived: alive, words: reason.slice(0, 60), peakBytes, failed: result.watched.failed };
}

/** Resolves when the kernel's process is gone. */
async function dies(system: IsolationSystem): Promise<void> {
  for (const { pid = 0 } = system.system; ;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await delay(20);
  }
}

const FAULTS: Readonly<Record<GuestTier, readonly string[]>> = {
  worker: ['exit', 'real-exit', 'really-exit', 'forgotten-rejection', 'throw-in-listener', 'throw-in-tick', 'stack-overflow'],
  // A listener of a file callback cannot be reached there: the files are refused.
  process: ['exit', 'real-exit', 'really-exit', 'forgotten-rejection', 'throw-in-tick', 'stack-overflow', 'abort', 'kill-self'],
};
/** Faults that end nobody: refused, thrown to the caller, or told and gone on. */
const HARMLESS: ReadonlySet<string> = new Set(['exit', 'forgotten-rejection', 'stack-overflow']);

/** I4: exits, aborts, kills, stray errors. */
export async function faults(injections: number): Promise<Report> {
  const rows: Row[] = [];
  for (const tier of ['worker', 'process'] as const) {
    rows.push(
      ...(await withSystem(tier, 1, async (system) => {
        const { pid } = await system.system.admin.status();
        let wrong = 0;
        const { watched } = await system.watching(async () => {
          for (let at = 0, ended = 0; at < injections; at += 1) {
            const how = FAULTS[tier][at % FAULTS[tier].length] as string;
            const startedAt = Date.now();
            await system.make(how);
            if (HARMLESS.has(how)) continue;
            if ((await system.line('sample.trouble', startedAt, /^Started again/)) === undefined) wrong += 1;
            if ((ended += 1) % FAILURES_BEFORE_FRESH_BUDGET === 0) await system.restart();
          }
        });
        const after = await system.system.admin.status();
        return [
          told(`${tier}: injections`, injections),
          exactly(`${tier}: kernel's process replaced`, after.pid === pid ? 0 : 1, 0),
          atMost(`${tier}: guests not started again`, wrong, 0),
          atMost(`${tier}: failed requests to others, of ${watched.requests}`, watched.failed, 0),
        ];
      })),
    );
  }
  rows.push(...(await withSystem('inline', 1, (system) => inlineFaults(system, injections))));
  return { rows, problems: [] };
}

async function inlineFaults(system: IsolationSystem, injections: number): Promise<Row[]> {
  const kinds = ['exit', 'forgotten-rejection', 'throw-in-listener', 'throw-in-tick', 'stack-overflow'];
  const { pid } = await system.system.admin.status();
  let unnamed = 0;
  const { watched } = await system.watching(async () => {
    for (let at = 0; at < injections; at += 1) {
      const how = kinds[at % kinds.length] as string;
      await system.startIfQuarantined();
      const startedAt = Date.now();
      const answer = await system.make(how);
      if (how === 'exit' && answer !== 'PROCESS_REFUSED') unnamed += 1;
      const stray = how === 'forgotten-rejection' || how.startsWith('throw');
      if (stray && (await system.line('sample.trouble', startedAt, /nobody/, 2_000)) === undefined) unnamed += 1;
    }
  });
  const after = await system.system.admin.status();
  return [
    told('inline: injections', injections),
    exactly(`inline: process ended`, after.pid === pid ? 0 : 1, 0),
    atMost('inline: exits let through, or errors without an owner', unnamed, 0),
    atMost(`inline: failed requests to others, of ${watched.requests}`, watched.failed, 0),
  ];
}

const TARGETS: Readonly<Record<string, readonly string[]>> = {
  Object: ['hasOwnProperty', 'toString', 'valueOf'],
  Array: ['map', 'push', 'slice', 'includes', 'forEach', 'join'],
  String: ['split', 'slice', 'replace', 'trim'],
  Promise: ['then', 'catch', 'finally'],
  Map: ['get', 'set', 'has'],
  Set: ['add', 'has'],
  Date: ['getTime', 'toISOString'],
  RegExp: ['exec', 'test'],
  Function: ['call', 'apply', 'bind'],
  JSON: ['parse', 'stringify'],
  Math: ['random', 'floor', 'max'],
};
const OPEN = ['Object', 'Array', 'String', 'Promise', 'Map', 'Set', 'Date', 'RegExp', 'Function'];
const DETECTED_WITHIN_MS = 1_000;

/** I5: tampering with what all inline bundles share. */
export async function tampering(): Promise<Report> {
  return withSystem('inline', 1, async (system) => {
    const added = [
      ...OPEN.map((name) => `add~${name}`),
      ...OPEN.flatMap((name) => (TARGETS[name] ?? []).slice(0, 1).map((member) => `delete~${name}~${member}`)),
    ];
    let passedThrough = 0;
    for (const how of added) if ((await system.make(how)) !== 'refused') passedThrough += 1;
    const patches = Object.entries(TARGETS).flatMap(([name, members]) => members.map((member) => `patch~${name}~${member}`));
    let seen = 0;
    let named = 0;
    let visible = 0;
    let longestMs = 0;
    for (const how of patches) {
      const at = performance.now();
      await system.make(how);
      const reason = await system.quarantine('trouble', DETECTED_WITHIN_MS * 3);
      if (reason !== undefined) {
        seen += 1;
        longestMs = Math.max(longestMs, performance.now() - at);
        if (reason.includes("by 'sample.trouble' 1.0.0 (line")) named += 1;
      }
      if (!(await system.isCalm())) visible += 1;
      await system.system.admin.start('sample.trouble', {});
    }
    return {
      rows: [
        told('payloads', added.length + patches.length),
        atMost('members added or deleted', passedThrough, 0),
        exactly('overwritten members seen and put back', seen, patches.length),
        exactly('and the bundle and line named', named, patches.length),
        atMost('seen after, longest', longestMs, DETECTED_WITHIN_MS, ' ms'),
        atMost('others that noticed', visible, 0),
      ],
      problems: [],
    };
  });
}
