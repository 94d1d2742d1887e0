/** The kernel's figures: what they count through deploys, refusals, returns and removals; and observers of changes, also one that fails. */
import { deepStrictEqual as equal, match } from 'node:assert';
import { ChangeObserver, defineBundle, Figures, type ObservedChange } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';

function worker(version: string, fails = false): TestBundle {
  const definition = defineBundle({
    activate: (context) => {
      if (fails) throw new Error('planted');
      context.clock.setInterval(() => undefined, 60_000);
      context.onConfigChange(() => undefined);
    },
  });
  return { symbolicName: 'test.worker', version, definition };
}

describe('figures', () => {
  let runtime: TestRuntime;
  beforeEach(async () => (runtime = await TestRuntime.boot()));
  afterEach(() => runtime.stop());

  it('count changes by outcome, entries by bundle over its revisions, and what each holds', async () => {
    await runtime.deploy(worker('1.0.0'));
    equal((await runtime.tryDeploy([worker('1.1.0', true)])).outcome, 'refused');
    await runtime.tryDeploy([worker('1.2.0')], { watchMs: 60_000 });
    const work = async (fails: boolean): Promise<void> => {
      await runtime.entry('test.worker', () => (fails ? Promise.reject(new Error('planted')) : Promise.resolve())).catch(() => undefined);
    };
    for (const fails of [false, true]) await work(fails);
    const during = runtime.service(Figures).read().bundles[0];
    await runtime.kernel.rollback('test.worker', { actor: 'lin' });
    const { bundles, changes, generation } = await runtime.kernel.figures({ heap: true });
    const [bundle] = bundles;
    equal(
      {
        generation,
        changes: changes.map(({ kind, outcome, count }) => `${kind} ${outcome} ${count}`),
        waits: (during?.lingering ?? 0) > 0,
      },
      { generation: 3, changes: ['deploy committed 2', 'deploy refused 1', 'rollback rolled-back 1'], waits: true },
    );
    equal(
      [
        bundle?.version,
        bundle?.entries.map(({ kind, ended, failed }) => [kind, ended, failed]),
        bundle?.timers,
        bundle?.listeners,
        bundle?.heapBytes,
      ],
      ['1.0.0', [['request', 2, 1]], 1, 1, null],
    );
    await runtime.kernel.uninstall('test.worker', { actor: 'lin' });
    await runtime.deploy(worker('1.0.0'));
    equal((await runtime.kernel.figures({ heap: false })).bundles[0]?.entries, []);
  });

  it('tell observers of each change after its end; one that throws stops nothing', async () => {
    const seen: ObservedChange[] = [];
    runtime.provide(ChangeObserver, {
      changed: () => {
        throw new Error('planted');
      },
    });
    runtime.provide(ChangeObserver, { changed: (change) => void seen.push(change) });
    await runtime.deploy(worker('1.0.0'));
    await runtime.tryDeploy([worker('1.1.0', true)], { actor: 'lin' });
    equal(
      seen.map(({ kind, outcome, actor, bundles, error }) => [kind, outcome, actor, bundles, error?.code]),
      [
        ['deploy', 'committed', 'test', ['test.worker'], undefined],
        ['deploy', 'refused', 'lin', ['test.worker'], 'ACTIVATE_FAILED'],
      ],
    );
    match(Object.keys(seen[0]?.phases ?? {}).join(' '), /^journal load start probe commit switch/);
    equal(runtime.kernel.logs({ level: 'warn' }).filter(({ message }) => message === 'An observer of changes failed').length, 2);
  });
});
