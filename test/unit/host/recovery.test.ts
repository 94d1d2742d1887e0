/** What a start makes of a journal, case by case. Arbitrary histories are in test/property/host. */
import { deepStrictEqual as equal } from 'node:assert';
import type { BeginRecord, BundleContent, Change, JournalRecord, RecoveryFacts } from '@sluice/kernel/host/ports';
import { applyCommit, digestsInUse, EMPTY_STATE, foldRecords, HISTORY_CHANGES_MAX, HISTORY_MAX } from '@sluice/kernel/host/journal-view';
import { FAILED_BOOTS_MAX, recover } from '@sluice/kernel/host/recovery';

const content = (version: string): BundleContent => ({ digest: `digest-${version}`, version });
const change = (from: string | null, to: string | null, more: Partial<Change> = {}): Change => ({
  symbolicName: 'bank.ledger',
  bundleId: 1,
  from: from === null ? null : content(from),
  to: to === null ? null : content(to),
  autostart: true,
  startLevel: 10,
  ...more,
});
const begin = (deployId: string, kind: BeginRecord['kind'], ...changes: Change[]): BeginRecord => ({
  type: 'begin',
  at: 1,
  deployId,
  kind,
  actor: 'ann',
  baseGeneration: 0,
  changes,
});
const commit = (deployId: string, generation: number): JournalRecord => ({ type: 'commit', at: 2, deployId, generation });
const done = (deployId: string): JournalRecord => ({ type: 'done', at: 3, deployId, outcome: 'confirmed' });
const boot: JournalRecord = { type: 'boot', at: 4 };
const facts = (more: Partial<RecoveryFacts> = {}): RecoveryFacts => ({ now: 100, hasBlob: () => true, pointer: null, ...more });
const deployed = (...versions: string[]): JournalRecord[] =>
  versions.flatMap((version, index) => [
    begin(`to-${version}`, 'deploy', change(versions[index - 1] ?? null, version)),
    commit(`to-${version}`, index + 1),
    done(`to-${version}`),
  ]);

describe('applyCommit', () => {
  it('keeps what a bundle can go back to: the previous content and one more', () => {
    const { state } = foldRecords(deployed('1.0.0', '1.1.0', '1.2.0', '1.3.0'));
    equal(state.bundles, [
      {
        ...content('1.3.0'),
        bundleId: 1,
        symbolicName: 'bank.ledger',
        autostart: true,
        startLevel: 10,
        revision: 4,
        previous: content('1.2.0'),
        earlier: [content('1.1.0')],
      },
    ]);
    equal([state.generation, state.nextBundleId], [4, 2]);
  });

  it('walks back with a rollback and forgets what proved bad', () => {
    const { state } = foldRecords([
      ...deployed('1.0.0', '1.1.0', '1.2.0'),
      begin('back', 'rollback', change('1.2.0', '1.1.0')),
      commit('back', 4),
    ]);
    equal(
      state.bundles.map(({ version, revision, previous, earlier }) => ({ version, revision, previous, earlier })),
      [{ version: '1.1.0', revision: 4, previous: content('1.0.0'), earlier: [] }],
    );
  });

  it('keeps content and revision when only the wish to run changes', () => {
    const { state } = foldRecords([
      ...deployed('1.0.0', '1.1.0'),
      begin('stop', 'stop', change('1.1.0', '1.1.0', { autostart: false })),
      commit('stop', 3),
    ]);
    equal(
      state.bundles.map(({ version, revision, previous, autostart }) => ({ version, revision, previous, autostart })),
      [{ version: '1.1.0', revision: 2, previous: content('1.0.0'), autostart: false }],
    );
  });

  it('never gives a bundle id twice, also after the bundle with the highest was uninstalled', () => {
    const installed = applyCommit(EMPTY_STATE, begin('x', 'deploy', change(null, '1.0.0', { bundleId: 7 })), 1);
    const state = applyCommit(installed, begin('y', 'uninstall', change('1.0.0', null, { bundleId: 7 })), 2);
    equal([state.bundles, state.nextBundleId], [[], 8]);
  });

  it('keeps bundles ordered by id, wherever they are inserted', () => {
    let state = EMPTY_STATE;
    for (const bundleId of [5, 1, 3, 4, 2]) {
      state = applyCommit(state, begin(`b${bundleId}`, 'deploy', change(null, '1.0.0', { bundleId, symbolicName: `b${bundleId}` })), 1);
    }
    equal(
      state.bundles.map((bundle) => bundle.bundleId),
      [1, 2, 3, 4, 5],
    );
  });

  it('records the wanted start level', () => {
    const record: BeginRecord = { ...begin('level', 'startlevel'), startLevel: 30 };
    equal(applyCommit(EMPTY_STATE, record, 1).startLevel, 30);
  });

  it('bounds the history by entries and by changes', () => {
    const many = foldRecords(
      Array.from({ length: HISTORY_MAX + 50 }, (_, index) => [
        begin(`d${index}`, 'stop', change('1', '1')),
        commit(`d${index}`, index),
      ]).flat(),
    ).state.history;
    equal([many.length, many[0]?.deployId, many.at(-1)?.deployId], [HISTORY_MAX, 'd50', `d${HISTORY_MAX + 49}`]);
    const large = (id: string): BeginRecord =>
      begin(
        id,
        'deploy',
        ...Array.from({ length: HISTORY_CHANGES_MAX / 2 }, (_, bundleId) => change(null, '1', { bundleId: bundleId + 1 })),
      );
    const kept = foldRecords([large('a'), commit('a', 1), large('b'), commit('b', 2), large('c'), commit('c', 3)]).state.history;
    equal(
      kept.map((entry) => entry.deployId),
      ['b', 'c'],
    );
  });
});

describe('foldRecords', () => {
  it('tells in the history how every change ended', () => {
    const { state } = foldRecords([
      ...deployed('1.0.0'),
      begin('bad', 'deploy', change('1.0.0', '2.0.0')),
      { type: 'abort', at: 5, deployId: 'bad', error: { code: 'START_FAILED', message: 'no' } },
      begin('worse', 'deploy', change('1.0.0', '3.0.0')),
      commit('worse', 2),
      begin('back', 'rollback', change('3.0.0', '1.0.0')),
      commit('back', 3),
      begin('now', 'deploy', change('1.0.0', '4.0.0')),
    ]);
    equal(
      state.history.map(({ deployId, outcome, generation, error }) => [deployId, outcome, generation, error?.code]),
      [
        ['to-1.0.0', 'committed', 1, undefined],
        ['bad', 'aborted', null, 'START_FAILED'],
        ['worse', 'rolled-back', 2, undefined],
        ['back', 'committed', 3, undefined],
        ['now', 'running', null, undefined],
      ],
    );
  });

  it('settles an open commit when one of its bundles is changed again', () => {
    const view = foldRecords([
      begin('a', 'deploy', change(null, '1.0.0')),
      commit('a', 1),
      begin('b', 'deploy', change('1.0.0', '2.0.0')),
      commit('b', 2),
    ]);
    equal(
      view.open.map((one) => one.begin.deployId),
      ['b'],
    );
  });

  it('ignores records that belong to nothing', () => {
    const records: JournalRecord[] = [
      commit('ghost', 9),
      done('ghost'),
      { type: 'abort', at: 1, deployId: 'ghost', error: { code: 'X', message: '' } },
    ];
    equal(foldRecords(records), foldRecords([]));
  });

  it('starts again from a snapshot', () => {
    const view = foldRecords(deployed('1.0.0', '1.1.0'));
    equal(foldRecords([boot, { type: 'snapshot', at: 1, view }]), view);
  });

  it('knows which blobs are needed: of bundles, of what they can go back to, of changes under way', () => {
    const view = foldRecords([...deployed('1.0.0', '1.1.0', '1.2.0', '1.3.0'), begin('now', 'deploy', change('1.3.0', '2.0.0'))]);
    equal(
      [...digestsInUse(view)].sort(),
      ['1.1.0', '1.2.0', '1.3.0', '2.0.0'].map((version) => content(version).digest),
    );
  });
});

describe('recover', () => {
  it('has nothing to do after an orderly end', () => {
    const view = foldRecords(deployed('1.0.0', '1.1.0'));
    equal(recover(view, facts({ pointer: { generation: 2 } })), { state: view.state, append: [], trial: null, alarms: [] });
  });

  it('aborts what was begun and not committed; the old state holds', () => {
    const view = foldRecords([...deployed('1.0.0'), begin('cut', 'deploy', change('1.0.0', '2.0.0'))]);
    const { state, append, trial, alarms } = recover(view, facts());
    equal(append, [
      {
        type: 'abort',
        at: 100,
        deployId: 'cut',
        error: { code: 'PROCESS_ENDED', message: 'The process ended before the change was committed' },
      },
    ]);
    equal([state.bundles[0]?.version, state.history.at(-1)?.outcome, trial, alarms], ['1.0.0', 'aborted', null, []]);
  });

  it('keeps a committed change on probation', () => {
    const view = foldRecords([...deployed('1.0.0'), begin('new', 'deploy', change('1.0.0', '2.0.0')), commit('new', 2), boot]);
    const { state, append, trial } = recover(view, facts());
    equal([state.bundles[0]?.version, append, trial], ['2.0.0', [], { deployId: 'new', generation: 2, bundles: ['bank.ledger'] }]);
  });

  it('declares done what needs no probation', () => {
    const view = foldRecords([
      ...deployed('1.0.0'),
      begin('stop', 'stop', change('1.0.0', '1.0.0', { autostart: false })),
      commit('stop', 2),
    ]);
    equal(recover(view, facts()).append, [{ type: 'done', at: 100, deployId: 'stop', outcome: 'confirmed' }]);
  });

  it('rolls a change back after three failed starts, into a higher generation', () => {
    const records = [...deployed('1.0.0'), begin('bad', 'deploy', change('1.0.0', '2.0.0')), commit('bad', 2)];
    const failed = (count: number): JournalRecord[] => [...records, ...Array.from({ length: count }, () => boot)];
    equal(recover(foldRecords(failed(FAILED_BOOTS_MAX - 1)), facts()).append, []);
    const { state, append, trial, alarms } = recover(foldRecords(failed(FAILED_BOOTS_MAX)), facts());
    equal(
      append.map((record) => [record.type, 'deployId' in record && record.deployId, 'generation' in record && record.generation]),
      [
        ['begin', 'bad.rollback', false],
        ['commit', 'bad.rollback', 3],
        ['done', 'bad.rollback', false],
      ],
    );
    equal(
      [state.generation, state.bundles[0]?.version, state.bundles[0]?.revision, trial, alarms.map((alarm) => alarm.code)],
      [3, '1.0.0', 3, null, ['BOOT_FAILED_REPEATEDLY']],
    );
    equal(state.history.find((entry) => entry.deployId === 'bad')?.outcome, 'rolled-back');
  });

  it('counts failed starts anew after one that succeeded', () => {
    const view = foldRecords([
      begin('new', 'deploy', change(null, '1.0.0')),
      commit('new', 1),
      boot,
      boot,
      boot,
      { type: 'booted', at: 5, generation: 1 },
      boot,
    ]);
    equal(recover(view, facts()).append, []);
  });

  it('removes a first installation that never starts', () => {
    const view = foldRecords([begin('new', 'deploy', change(null, '1.0.0')), commit('new', 1), boot, boot, boot]);
    equal(recover(view, facts()).state.bundles, []);
  });

  it('falls back to the newest good content when a blob is lost, and leaves other bundles alone', () => {
    const other = change(null, '5.0.0', { bundleId: 2, symbolicName: 'bank.fees' });
    const view = foldRecords([...deployed('1.0.0', '1.1.0', '1.2.0'), begin('o', 'deploy', other), commit('o', 4), done('o')]);
    const lost = new Set([content('1.2.0').digest, content('1.1.0').digest]);
    const { state, alarms } = recover(view, facts({ hasBlob: (digest) => !lost.has(digest) }));
    equal(
      state.bundles.map(({ symbolicName, version }) => [symbolicName, version]),
      [
        ['bank.ledger', '1.0.0'],
        ['bank.fees', '5.0.0'],
      ],
    );
    equal(
      alarms.map(({ code, details }) => ({ code, details })),
      [
        {
          code: 'BLOB_LOST',
          details: { symbolicName: 'bank.ledger', version: '1.2.0', digest: content('1.2.0').digest, fallback: '1.0.0' },
        },
      ],
    );
  });

  it('keeps a bundle whose every blob is lost, with an alarm', () => {
    const view = foldRecords(deployed('1.0.0'));
    const { state, append, alarms } = recover(view, facts({ hasBlob: () => false }));
    equal([state, append, alarms.map((alarm) => alarm.details['fallback'])], [view.state, [], [null]]);
  });

  it('never uses a generation number again that the pointer has seen', () => {
    const view = foldRecords(deployed('1.0.0'));
    const { state, append, alarms } = recover(view, facts({ pointer: { generation: 9 } }));
    equal([state.generation, alarms.map((alarm) => alarm.code)], [9, ['JOURNAL_BEHIND_POINTER']]);
    const again = recover(foldRecords(append), facts({ pointer: { generation: 9 } }));
    equal([again.state, again.append, again.alarms], [state, [], []]);
  });
});
