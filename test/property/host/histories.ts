/** Arbitrary histories of a kernel, as the records it would have written: deploys, stops, rollbacks, aborts, crashes and starts. */
import fc from 'fast-check';
import type { BeginRecord, Change, JournalRecord } from '@sluice/kernel/host/ports';
import { EMPTY_VIEW, foldRecord } from '@sluice/kernel/host/journal-view';

/** One decision of the generator; which record it leads to depends on the state it meets. */
type Step = {
  readonly act: 'begin' | 'commit' | 'abort' | 'done' | 'boot' | 'booted';
  readonly bundles: readonly number[];
  readonly version: number;
  readonly kind: number;
};

const step = fc.record<Step>({
  act: fc.constantFrom('begin', 'begin', 'begin', 'commit', 'commit', 'commit', 'abort', 'done', 'boot', 'boot', 'boot', 'booted'),
  bundles: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  version: fc.integer({ min: 1, max: 5 }),
  kind: fc.integer({ min: 0, max: 99 }),
});

/** Histories of up to `stepsMax` records that a correct kernel could have written. */
export function histories(stepsMax: number): fc.Arbitrary<readonly JournalRecord[]> {
  return fc.array(step, { maxLength: stepsMax }).map((steps) => {
    let view = EMPTY_VIEW;
    const records: JournalRecord[] = [];
    steps.forEach((one, at) => {
      const record = recordOf(one, at, view);
      if (record === undefined) return;
      records.push(record);
      view = foldRecord(view, record);
    });
    return records;
  });
}

function recordOf({ act, bundles, version, kind }: Step, at: number, view: typeof EMPTY_VIEW): JournalRecord | undefined {
  const pending = view.undecided[0];
  if (act === 'boot') return { type: 'boot', at };
  if (act === 'booted') return { type: 'booted', at, generation: view.state.generation };
  // One change at a time, as the command queue has it.
  if (act === 'begin') return pending === undefined ? beginOf(bundles, version, kind, at, view) : undefined;
  if (act === 'done') {
    const open = view.open[0];
    return open === undefined ? undefined : { type: 'done', at, deployId: open.begin.deployId, outcome: 'confirmed' };
  }
  if (pending === undefined) return undefined;
  if (act === 'commit') return { type: 'commit', at, deployId: pending.deployId, generation: view.state.generation + 1 };
  return { type: 'abort', at, deployId: pending.deployId, error: { code: 'TEST', message: 'gave up' } };
}

function beginOf(bundles: readonly number[], version: number, kind: number, at: number, view: typeof EMPTY_VIEW): BeginRecord {
  const name = kind < 60 ? 'deploy' : kind < 70 ? 'stop' : kind < 80 ? 'start' : kind < 90 ? 'rollback' : 'uninstall';
  const changes = bundles.map((bundleId): Change => {
    const current = view.state.bundles.find((bundle) => bundle.bundleId === bundleId);
    const from = current === undefined ? null : { digest: current.digest, version: current.version };
    const deployed = { digest: `digest-${bundleId}-${version}`, version: `${version}.0.0` };
    const to = { deploy: deployed, stop: from, start: from, rollback: current?.previous ?? from, uninstall: null }[name];
    return { symbolicName: `bundle.b${bundleId}`, bundleId, from, to, autostart: name !== 'stop', startLevel: 50 };
  });
  return { type: 'begin', at, deployId: `change-${at}`, kind: name, actor: 'test', baseGeneration: view.state.generation, changes };
}
