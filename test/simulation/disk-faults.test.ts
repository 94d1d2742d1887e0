/**
 * Every operation that a change does on the disk fails once with each error, and, in another run, fails from there on. The change is refused
 * or has happened, whole; whoever asked is told with a code what to do; what is acknowledged survives a power cut; and when the disk is well
 * again, the next change works.
 */
import { deepStrictEqual as equal, ok, strictEqual } from 'node:assert';
import { isSluiceError } from '@sluice/sdk';
import type { KernelRuntime } from '@sluice/kernel/lifecycle/kernel-runtime';
import type { ChangeOutcome } from '@sluice/kernel/lifecycle/runtime';
import type { DiskErrorCode, DiskOperation } from '@sluice/kernel/testing';
import { seeded } from '../verify/random.js';
import { ARTIFACTS, BUNDLES, SHOWN } from './scripted-bundles.js';
import { SimulatedHost, type Running } from './simulated-host.js';

const ERROR_CODES: readonly DiskErrorCode[] = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS'];
/** What does not pass by itself. */
const LASTING: DiskErrorCode = 'ENOSPC';
const OPTIONS = { actor: 'test', watchMs: 0 } as const;
const bytes = (bundle: string, version: number): Uint8Array => ARTIFACTS[bundle]?.[version]?.bytes ?? new Uint8Array();

interface Case {
  readonly before: (kernel: KernelRuntime) => Promise<unknown>;
  readonly change: (kernel: KernelRuntime) => Promise<ChangeOutcome>;
}

const installed = (kernel: KernelRuntime): Promise<unknown> => kernel.deploy([bytes('sim.alpha', 0), bytes('sim.delta', 0)], OPTIONS);

const CASES: Readonly<Record<string, Case>> = {
  'a swap': { before: installed, change: (kernel) => kernel.deploy([bytes('sim.alpha', 1)], OPTIONS) },
  'a swap with probation': {
    before: installed,
    change: (kernel) => kernel.deploy([bytes('sim.alpha', 1)], { actor: 'test', watchMs: 5_000 }),
  },
  'a deploy of five bundles': {
    before: installed,
    change: (kernel) =>
      kernel.deploy(
        BUNDLES.map((bundle) => bytes(bundle, 2)),
        OPTIONS,
      ),
  },
  'a return from probation': {
    before: async (kernel) => {
      await installed(kernel);
      await kernel.deploy([bytes('sim.alpha', 1)], { actor: 'test', watchMs: 60_000 });
    },
    change: (kernel) => kernel.rollback('sim.alpha', OPTIONS),
  },
  'a rollback': {
    before: async (kernel) => {
      await installed(kernel);
      await kernel.deploy([bytes('sim.alpha', 1)], OPTIONS);
    },
    change: (kernel) => kernel.rollback('sim.alpha', OPTIONS),
  },
  'an update in place': { before: installed, change: (kernel) => kernel.update(bytes('sim.alpha', 1), OPTIONS) },
  'a stop': { before: installed, change: (kernel) => kernel.stop('sim.alpha', OPTIONS) },
  'an uninstall': { before: installed, change: (kernel) => kernel.uninstall('sim.alpha', OPTIONS) },
};

/** What is there: version of each bundle, whether it runs, and what it shows of which version. */
function picture({ kernel }: Running): string {
  const services = kernel.services();
  return kernel
    .bundles()
    .map(({ symbolicName, version, state }) => {
      const own = services.filter(({ bundle, contract }) => bundle === symbolicName && (SHOWN as readonly string[]).includes(contract));
      return `${symbolicName} ${version} ${state === 'ACTIVE' ? 'runs' : 'rests'} ${own.map(({ bundleVersion }) => bundleVersion).join('+')}`;
    })
    .join(', ');
}

function assertSaysWhatToDo(error: { readonly code: string; readonly message: string; readonly remedy?: string | undefined }): void {
  ok(/^[A-Z][A-Z_]+$/.test(error.code) && error.message !== '' && error.remedy !== undefined && error.remedy !== '', JSON.stringify(error));
}

async function started(one: Case, seed: number): Promise<{ host: SimulatedHost; running: Running }> {
  const host = new SimulatedHost(seeded(seed), () => undefined);
  const answer = await host.boot();
  ok(answer !== 'lost' && 'value' in answer);
  await host.drive(() => one.before(answer.value.kernel));
  await settled(host, answer.value);
  return { host, running: answer.value };
}

/** Waits for what goes on behind an answer: the pointer, the files of a batch. */
async function settled(host: SimulatedHost, { persistence }: Running): Promise<void> {
  await host.drive(async () => {
    await persistence.pointer.settled();
    await persistence.store.settled();
  });
}

/** Runs the change with a disk that decides, and checks what must hold afterwards. */
async function runWith(
  one: Case,
  pictures: readonly string[],
  seed: number,
  decide: (operation: DiskOperation, first: number) => DiskErrorCode | undefined,
): Promise<void> {
  const { host, running } = await started(one, seed);
  const first = host.disk.count;
  host.disk.decide = (operation) => decide(operation, first);
  const answer = await host.drive(() => one.change(running.kernel));
  await settled(host, running);
  const [old, changed] = pictures;
  ok(answer !== 'lost');
  const outcome = 'value' in answer ? answer.value : null;
  const isDone = outcome?.outcome === 'committed' || outcome?.outcome === 'rolled-back';
  strictEqual(picture(running), isDone ? changed : old);
  if ('error' in answer) {
    ok(isSluiceError(answer.error), String(answer.error));
    assertSaysWhatToDo(answer.error);
  } else if (outcome?.outcome === 'refused') assertSaysWhatToDo(outcome.error ?? { code: '', message: '' });
  host.disk.decide = () => undefined;
  const { poisoned } = running.persistence.journal;
  if (!poisoned) {
    const again = await host.drive(() => running.kernel.deploy([bytes('sim.epsilon', 5)], OPTIONS));
    ok(again !== 'lost' && 'value' in again && again.value.outcome === 'committed', 'the next deploy works');
    return;
  }
  // Nothing is promised any more; a restart reads what was decided.
  const refused = await host.drive(() => running.kernel.deploy([bytes('sim.epsilon', 5)], OPTIONS));
  ok(refused !== 'lost' && 'error' in refused && (refused.error as { code?: string }).code === 'JOURNAL_POISONED');
  host.crash(seed % 2 === 0 ? 'power' : 'process');
  const booted = await host.boot();
  ok(booted !== 'lost' && 'value' in booted);
  const found = picture(booted.value);
  ok(isDone ? found === changed : pictures.includes(found), `found ${found}`);
  const next = await host.drive(() => booted.value.kernel.deploy([bytes('sim.epsilon', 5)], OPTIONS));
  ok(next !== 'lost' && 'value' in next && next.value.outcome === 'committed', 'the first deploy after the restart works');
}

/** The picture before and after the change, and the operations it does, on a disk that is well. */
async function onAGoodDisk(one: Case): Promise<{ pictures: readonly string[]; operations: number }> {
  const { host, running } = await started(one, 1);
  const [before, count] = [picture(running), host.disk.count];
  const answer = await host.drive(() => one.change(running.kernel));
  await settled(host, running);
  ok(answer !== 'lost' && 'value' in answer);
  ok(['committed', 'rolled-back'].includes(answer.value.outcome));
  return { pictures: [before, picture(running)], operations: host.disk.count - count };
}

describe('disk faults', function () {
  this.timeout(120_000);

  for (const [name, one] of Object.entries(CASES)) {
    it(`${name}: every operation fails once with each error, or from there on`, async () => {
      const { pictures, operations } = await onAGoodDisk(one);
      ok(operations >= 6, `${operations} operations`);
      let seed = 0;
      for (const code of ERROR_CODES) {
        for (let at = 1; at <= operations; at += 1) {
          await runWith(one, pictures, ++seed, ({ number }, first) => (number === first + at ? code : undefined));
          if (code !== LASTING) continue;
          await runWith(one, pictures, ++seed, ({ number, kind }, first) => (number >= first + at && kind !== 'exists' ? code : undefined));
        }
      }
    });
  }

  for (const crash of ['process', 'power'] as const) {
    it(`a failed sync of COMMIT is never reported as success; a restart (${crash}) reads what was decided`, async () => {
      const swap = CASES['a swap'] as Case;
      const { pictures } = await onAGoodDisk(swap);
      const found = new Set<string>();
      for (let seed = 1; seed <= 20; seed += 1) {
        const { host, running } = await started(swap, seed);
        let syncs = 0;
        // The first sync of the journal is that of BEGIN.
        host.disk.decide = ({ kind, path }) => (kind === 'sync' && path.includes('journal') && ++syncs === 2 ? 'EIO' : undefined);
        const answer = await host.drive(() => swap.change(running.kernel));
        ok(answer !== 'lost' && 'error' in answer && isSluiceError(answer.error));
        equal([answer.error.code, picture(running)], ['JOURNAL_POISONED', pictures[0]]);
        // Not even to deploy what runs: after the restart it may be another one.
        const same = await host.drive(() => running.kernel.deploy([bytes('sim.alpha', 0)], OPTIONS));
        ok(same !== 'lost' && 'error' in same && (same.error as { code?: string }).code === 'JOURNAL_POISONED');
        host.crash(crash);
        const booted = await host.boot();
        ok(booted !== 'lost' && 'value' in booted);
        found.add(picture(booted.value));
        // What was read is durable now: another power cut changes nothing.
        const read = picture(booted.value);
        host.crash('power');
        const again = await host.boot();
        ok(again !== 'lost' && 'value' in again);
        strictEqual(picture(again.value), read);
      }
      // What only the process forgot is still there; what the power took may be there or not.
      equal([...found].sort(), crash === 'process' ? [pictures[1]] : [...pictures].sort());
    });
  }
});
