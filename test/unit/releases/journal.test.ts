import { strict as assert } from 'node:assert';
import { digestsInUse, foldRecords, returnable } from '@sluice/kernel/host/journal-view';
import type { BeginRecord, Change, JournalRecord, ReleaseRecord } from '@sluice/kernel/host/ports';
import { recover } from '@sluice/kernel/host/recovery';
import { invertedConfiguration, parseRelease } from '@sluice/kernel/model/index';

const content = (version: string) => ({ digest: version.padEnd(64, '0'), version });

function change(from: string | null, to: string | null, bundleId = 1): Change {
  return {
    ...{ symbolicName: `test.b${bundleId}`, bundleId, autostart: true, startLevel: 50 },
    from: from === null ? null : content(from),
    to: to === null ? null : content(to),
  };
}

function release(version: string): ReleaseRecord {
  return { name: 'bank', version, complete: false, bundles: [], configuration: {} };
}

function committed(deployId: string, generation: number, begin: Partial<BeginRecord>): JournalRecord[] {
  return [
    { type: 'begin', at: generation, deployId, kind: 'deploy', actor: 'lin', baseGeneration: generation - 1, changes: [], ...begin },
    { type: 'commit', at: generation, deployId, generation },
  ];
}

const WORD = [{ bundle: 'test.b1', key: 'word', from: 'old', to: 'new' }];
const done = (deployId: string, outcome: 'confirmed' | 'rolled-back' = 'confirmed'): JournalRecord => ({
  type: 'done',
  at: 9,
  deployId,
  outcome,
});

describe('releases in the journal', () => {
  const first = [...committed('d-1', 1, { changes: [change(null, '1')], release: release('1.0.0') }), done('d-1')];
  const second = committed('d-2', 2, { changes: [change('1', '2')], release: release('1.1.0'), configuration: WORD });

  it('are remembered with what it takes to return, and with their outcome', () => {
    const { state } = foldRecords([...first, ...second]);
    assert.deepEqual(
      state.releases?.map(({ deployId, outcome, before, configuration }) => ({ deployId, outcome, before, configuration })),
      [
        {
          deployId: 'd-1',
          outcome: 'confirmed',
          before: [{ symbolicName: 'test.b1', bundleId: 1, content: null, autostart: false, startLevel: 50 }],
          configuration: [],
        },
        {
          deployId: 'd-2',
          outcome: 'on-trial',
          before: [{ symbolicName: 'test.b1', bundleId: 1, content: content('1'), autostart: true, startLevel: 50 }],
          configuration: WORD,
        },
      ],
    );
    assert.deepEqual(state.history.at(-1)?.release, { name: 'bank', version: '1.1.0' });
  });

  it('that were taken back are marked, whether they were on trial or confirmed', () => {
    const outcomes = (records: readonly JournalRecord[]) => foldRecords(records).state.releases?.map(({ outcome }) => outcome);
    const undo = committed('d-3', 3, { kind: 'rollback', changes: [change('2', '1')], undoes: 'd-2' });
    assert.deepEqual(outcomes([...first, ...second, ...undo]), ['confirmed', 'rolled-back']);
    assert.deepEqual(outcomes([...first, ...second, done('d-2'), ...undo]), ['confirmed', 'rolled-back']);
    assert.deepEqual(outcomes([...first, ...second, done('d-2', 'rolled-back')]), ['confirmed', 'rolled-back']);
  });

  it('hold their configuration until it is written, over a snapshot too', () => {
    const view = foldRecords([...first, ...second]);
    assert.deepEqual(view.unwritten, [{ deployId: 'd-2', actor: 'lin', changes: WORD }]);
    const later = foldRecords([{ type: 'snapshot', at: 3, view }]);
    assert.deepEqual(later.unwritten, view.unwritten);
    assert.equal(
      foldRecords([
        { type: 'snapshot', at: 3, view },
        { type: 'configured', at: 4, deployId: 'd-2' },
      ]).unwritten,
      undefined,
    );
  });

  it('begun and not committed leave no configuration and no release', () => {
    const { unwritten, state } = foldRecords([...first, second[0] as JournalRecord]);
    assert.deepEqual([unwritten, state.releases?.length], [undefined, 1]);
  });

  it('keep the artifacts of the last three that one can return from', () => {
    const records = [1, 2, 3, 4, 5].flatMap((number) => [
      ...committed(`d-${number}`, number, {
        changes: [change(null, `${number}`, number), ...(number > 1 ? [change(`${number - 1}`, null, number - 1)] : [])],
        release: release(`${number}.0.0`),
      }),
      done(`d-${number}`),
    ]);
    const view = foldRecords(records);
    assert.deepEqual(
      returnable(view.state).map(({ deployId }) => deployId),
      ['d-5', 'd-4', 'd-3'],
    );
    assert.deepEqual(
      [...digestsInUse(view)].sort(),
      ['2', '3', '4', '5'].map((version) => content(version).digest),
    );
  });

  it('that never start are taken back by recovery, with their configuration', () => {
    const boots: JournalRecord[] = [1, 2, 3].map((at) => ({ type: 'boot', at }));
    const view = foldRecords([...first, ...second, ...boots]);
    const recovery = recover(view, { now: 10, hasBlob: () => true, pointer: null });
    const begin = recovery.append.find((record) => record.type === 'begin');
    assert.deepEqual([begin?.undoes, begin?.configuration], ['d-2', [{ bundle: 'test.b1', key: 'word', from: 'new', to: 'old' }]]);
    assert.equal(recovery.state.bundles[0]?.version, '1');
    assert.deepEqual(
      recovery.state.releases?.map(({ outcome }) => outcome),
      ['confirmed', 'rolled-back'],
    );
  });

  it('that are temporary stay on trial over a start, also when they only remove', () => {
    const temporary = committed('d-2', 2, { changes: [change('1', null)], release: release('1.1.0'), confirmWithinMs: 60_000 });
    const recovery = recover(foldRecords([...first, ...temporary]), { now: 10, hasBlob: () => true, pointer: null });
    assert.deepEqual(recovery.trial, { deployId: 'd-2', generation: 2, bundles: ['test.b1'] });
  });

  it('that are temporary wait to be confirmed, however many changes follow before a start', () => {
    const temporary = committed('d-2', 2, { changes: [change(null, '1', 2)], confirmWithinMs: 60_000 });
    const later = committed('d-3', 3, { changes: [change('1', '2')] });
    const recovery = recover(foldRecords([...first, ...temporary, ...later]), { now: 10, hasBlob: () => true, pointer: null });
    assert.deepEqual([recovery.append, recovery.trial?.deployId], [[], 'd-3']);
  });

  it('are bounded by the bundles they name, the newest always kept', () => {
    const bundles = Array.from({ length: 3_000 }, (_, index) => ({
      ...content('1'),
      symbolicName: `b${index}`,
      autostart: true,
      startLevel: 1,
    }));
    const records = [1, 2, 3].flatMap((number) => committed(`d-${number}`, number, { release: { ...release(`${number}`), bundles } }));
    assert.deepEqual(
      foldRecords(records).state.releases?.map(({ deployId }) => deployId),
      ['d-3'],
    );
  });

  it('ignore records of a later kernel', () => {
    const later = { type: 'from-the-future', at: 3 } as unknown as JournalRecord;
    assert.deepEqual(foldRecords([...first, later]), foldRecords(first));
  });
});

describe('the configuration of a change', () => {
  it('is inverted key by key, and twice is itself', () => {
    const changes = [
      { bundle: 'a', key: 'set', to: 1 },
      { bundle: 'a', key: 'changed', from: 1, to: 2 },
      { bundle: 'a', key: 'removed', from: 1 },
    ];
    assert.deepEqual(invertedConfiguration(changes), [
      { bundle: 'a', key: 'set', from: 1 },
      { bundle: 'a', key: 'changed', from: 2, to: 1 },
      { bundle: 'a', key: 'removed', to: 1 },
    ]);
    assert.deepEqual(invertedConfiguration(invertedConfiguration(changes)), changes);
  });
});

describe('a release file', () => {
  it('is accepted with everything it may say', () => {
    const whole = {
      ...{ name: 'bank', version: '2026.11.1', note: 'x', complete: true, settings: { watch: '30s', temporary: '10m', drain: '500ms' } },
      bundles: [
        {
          name: 'core.ledger',
          version: '1.0.0',
          digest: 'a'.repeat(64),
          source: 'npm:@bank/core-ledger',
          tier: 'worker',
          autostart: false,
          startLevel: 5,
        },
      ],
      configuration: { 'core.ledger': { limit: 5, list: [1], gone: null } },
    };
    assert.deepEqual(parseRelease(whole, 'x'), whole);
  });

  it('is refused with every mistake at its place', () => {
    const bad = {
      ...{ name: 'Bank', verison: '1', settings: { watch: 'soon' } },
      bundles: [
        { name: 'core.ledger', version: 'new' },
        { name: 'core.ledger', version: '1.0.0', tier: 'cloud' },
      ],
    };
    assert.throws(
      () => parseRelease(bad, "'x.json'"),
      (error: Error & { code: string; details: { mistakes: readonly string[] } }) => {
        assert.equal(error.code, 'RELEASE_INVALID');
        assert.deepEqual(
          error.details.mistakes.map((line) => line.slice(0, line.indexOf(':'))),
          ['name', 'verison', 'settings.watch', 'bundles[0].version', 'bundles[1].tier', 'version'],
        );
        return true;
      },
    );
    const twice = { name: 'bank', version: '1', bundles: [1, 2].map(() => ({ name: 'core.ledger', version: '1.0.0' })) };
    assert.throws(() => parseRelease(twice, 'x'), /'core.ledger' 1.0.0 is named twice/);
  });
});
