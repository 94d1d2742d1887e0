/**
 * What the records of a journal mean: the fold of records into the desired state, and what a start has to repair.
 * Pure and total: no I/O, no clock; any prefix of a journal gives a whole state, old or new, and recovering twice changes nothing.
 */
import type {
  Alarm,
  BeginRecord,
  BundleContent,
  Change,
  ChangeKind,
  DesiredBundle,
  DesiredState,
  HistoryRecord,
  JournalRecord,
  JournalView,
  OpenCommit,
  Recovery,
  RecoveryFacts,
} from './ports.js';

/** Changes remembered in `DesiredState.history`. */
export const HISTORY_MAX = 200;
/** Bundle changes remembered over all entries of the history. */
export const HISTORY_CHANGES_MAX = 5_000;
/** Starts that may fail after a commit on probation before it is rolled back. */
export const FAILED_BOOTS_MAX = 3;
/** Contents kept per bundle besides the current and the previous one. */
const EARLIER_MAX = 1;
const START_LEVEL_DEFAULT = 100;

/** The state of an empty system. */
export const EMPTY_STATE: DesiredState = Object.freeze({
  generation: 0,
  nextBundleId: 1,
  startLevel: START_LEVEL_DEFAULT,
  bundles: Object.freeze([]),
  history: Object.freeze([]),
});

/** The view of an empty journal. */
export const EMPTY_VIEW: JournalView = Object.freeze({
  state: EMPTY_STATE,
  undecided: Object.freeze([]),
  open: Object.freeze([]),
  failedBoots: 0,
});

/** The desired state after a change was committed under a generation. Also updates the change's entry in the history. */
export function applyCommit(state: DesiredState, begin: BeginRecord, generation: number): DesiredState {
  // Copied once and changed by position: one bundle among a thousand is replaced in microseconds.
  const bundles = [...state.bundles];
  let nextBundleId = state.nextBundleId;
  for (const change of begin.changes) {
    const index = positionOf(bundles, change.bundleId);
    const current = bundles[index]?.bundleId === change.bundleId ? bundles[index] : undefined;
    const wanted = change.to === null ? [] : [changed(current, change, change.to, begin.kind)];
    bundles.splice(index, current === undefined ? 0 : 1, ...wanted);
    nextBundleId = Math.max(nextBundleId, change.bundleId + 1);
  }
  return {
    generation,
    nextBundleId,
    startLevel: begin.startLevel ?? state.startLevel,
    bundles,
    history: withHistory(state.history, { ...entryOf(begin), outcome: 'committed', generation }),
  };
}

/** Where a bundle is, or belongs, in the list ordered by id. */
function positionOf(bundles: readonly DesiredBundle[], bundleId: number): number {
  let low = 0;
  let high = bundles.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bundles[middle]?.bundleId ?? 0) < bundleId) low = middle + 1;
    else high = middle;
  }
  return low;
}

function changed(current: DesiredBundle | undefined, change: Change, to: BundleContent, kind: ChangeKind): DesiredBundle {
  const common = {
    bundleId: change.bundleId,
    symbolicName: change.symbolicName,
    autostart: change.autostart,
    startLevel: change.startLevel,
  };
  const content = { digest: to.digest, version: to.version };
  if (current === undefined) return { ...common, ...content, revision: 1, previous: null, earlier: [] };
  if (current.digest === to.digest) {
    return { ...common, ...content, revision: current.revision, previous: current.previous, earlier: current.earlier };
  }
  const revision = current.revision + 1;
  const kept = contentsKept(current);
  if (kind === 'rollback') {
    // Walks back: the content left behind proved bad, so it is not what the next rollback returns to.
    const left = kept.slice(kept.findIndex((one) => one.digest === to.digest) + 1);
    return { ...common, ...content, revision, previous: left[0] ?? null, earlier: left.slice(1, 1 + EARLIER_MAX) };
  }
  return {
    ...common,
    ...content,
    revision,
    previous: { digest: current.digest, version: current.version },
    earlier: kept.filter((one) => one.digest !== to.digest).slice(0, EARLIER_MAX),
  };
}

/** What a bundle may return to, newest first. */
function contentsKept(bundle: DesiredBundle): readonly BundleContent[] {
  return bundle.previous === null ? bundle.earlier : [bundle.previous, ...bundle.earlier];
}

function entryOf(begin: BeginRecord): HistoryRecord {
  const { deployId, at, kind, actor, changes } = begin;
  return { deployId, at, kind, actor, outcome: 'running', generation: null, changes };
}

function withHistory(history: readonly HistoryRecord[], entry: HistoryRecord): readonly HistoryRecord[] {
  // The entry sought is nearly always the newest.
  const index = history.findLastIndex((one) => one.deployId === entry.deployId);
  if (index >= 0) return history.with(index, entry);
  return trimmed([...history, entry]);
}

/** Bounds the history by entries and, as one deploy may change a thousand bundles, by changes. The newest entry always stays. */
function trimmed(history: readonly HistoryRecord[]): readonly HistoryRecord[] {
  let first = history.length - 1;
  let changes = history[first]?.changes.length ?? 0;
  while (first > 0 && history.length - first < HISTORY_MAX) {
    changes += history[first - 1]?.changes.length ?? 0;
    if (changes > HISTORY_CHANGES_MAX) break;
    first -= 1;
  }
  return first === 0 ? history : history.slice(first);
}

/** The view after one more record. Records that make no sense at this place (a commit without its begin) change nothing. */
export function foldRecord(view: JournalView, record: JournalRecord): JournalView {
  switch (record.type) {
    case 'snapshot':
      return record.view;
    case 'begin':
      return foldBegin(view, record);
    case 'commit':
      return foldCommit(view, record.deployId, record.generation, record.at);
    case 'abort': {
      const begin = view.undecided.find((one) => one.deployId === record.deployId);
      if (begin === undefined) return view;
      const entry: HistoryRecord = { ...entryOf(begin), outcome: 'aborted', error: record.error };
      return {
        ...view,
        undecided: view.undecided.filter((one) => one !== begin),
        state: { ...view.state, history: withHistory(view.state.history, entry) },
      };
    }
    case 'done':
      return foldDone(view, record.deployId, record.outcome);
    case 'boot':
      return { ...view, failedBoots: view.failedBoots + 1 };
    case 'booted':
      return { ...view, failedBoots: 0 };
  }
}

function foldBegin(view: JournalView, begin: BeginRecord): JournalView {
  return {
    ...view,
    undecided: [...view.undecided, begin],
    state: { ...view.state, history: withHistory(view.state.history, entryOf(begin)) },
  };
}

function foldCommit(view: JournalView, deployId: string, generation: number, at: number): JournalView {
  const begin = view.undecided.find((one) => one.deployId === deployId);
  if (begin === undefined) return view;
  const ids = new Set(begin.changes.map((change) => change.bundleId));
  const before = view.state.bundles.filter((bundle) => ids.has(bundle.bundleId));
  // A later change of one of its bundles settles an open commit: undoing it now would undo the later change, too.
  const settled = view.open.filter((one) => one.begin.changes.some((change) => ids.has(change.bundleId)));
  let next: JournalView = { ...view, undecided: view.undecided.filter((one) => one !== begin), failedBoots: 0 };
  for (const one of settled) next = foldDone(next, one.begin.deployId, begin.kind === 'rollback' ? 'rolled-back' : 'confirmed');
  return { ...next, state: applyCommit(next.state, begin, generation), open: [...next.open, { begin, generation, at, before }] };
}

function foldDone(view: JournalView, deployId: string, outcome: 'confirmed' | 'rolled-back'): JournalView {
  const open = view.open.filter((one) => one.begin.deployId !== deployId);
  if (open.length === view.open.length) return view;
  if (outcome === 'confirmed') return { ...view, open };
  const history = view.state.history.map((one) => (one.deployId === deployId ? { ...one, outcome } : one));
  return { ...view, open, state: { ...view.state, history } };
}

/** The view of a whole journal. */
export function foldRecords(records: Iterable<JournalRecord>): JournalView {
  let view = EMPTY_VIEW;
  for (const record of records) view = foldRecord(view, record);
  return view;
}

/** Every digest that a view may still need, for `BlobStore.orphans` and for checking blobs before `recover`. */
export function digestsInUse(view: JournalView): ReadonlySet<string> {
  const digests = new Set<string>();
  for (const { digest, previous, earlier } of [...view.state.bundles, ...view.open.flatMap((one) => one.before)]) {
    for (const content of [digest, previous?.digest, ...earlier.map((one) => one.digest)]) if (content !== undefined) digests.add(content);
  }
  for (const begin of view.undecided) for (const change of begin.changes) if (change.to !== null) digests.add(change.to.digest);
  return digests;
}

/**
 * What a start must append to the journal before it starts anything, and the state to bring up.
 * Undecided changes are aborted; a commit on probation is rolled back after three failed starts; a bundle whose blob is gone falls
 * back to its newest good content; what needs no probation is declared done.
 */
export function recover(view: JournalView, facts: RecoveryFacts): Recovery {
  const run = new RecoveryRun(view, facts.now);
  for (const begin of view.undecided) run.append(abortOf(begin, facts.now));
  const trial = settleOpen(run, view);
  const alarms: Alarm[] = [];
  if (trial !== null && view.failedBoots >= FAILED_BOOTS_MAX) alarms.push(rollBack(run, trial));
  alarms.push(...replaceMissing(run, facts));
  alarms.push(...comparePointer(run, facts));
  const remaining = run.view.open.find(needsProbation);
  return {
    state: run.view.state,
    append: run.appended,
    trial:
      remaining === undefined
        ? null
        : {
            deployId: remaining.begin.deployId,
            generation: remaining.generation,
            bundles: remaining.begin.changes.map((change) => change.symbolicName),
          },
    alarms,
  };
}

/** Collects the records to append together with the view they lead to. */
class RecoveryRun {
  readonly appended: JournalRecord[] = [];

  constructor(
    public view: JournalView,
    readonly now: number,
  ) {}

  append(...records: readonly JournalRecord[]): void {
    for (const record of records) {
      this.appended.push(record);
      this.view = foldRecord(this.view, record);
    }
  }

  /** Commits a rollback of its own, which needs no probation. */
  commit(deployId: string, changes: readonly Change[]): void {
    const { now } = this;
    const baseGeneration = this.view.state.generation;
    this.append(
      { type: 'begin', at: now, deployId, kind: 'rollback', actor: 'recovery', baseGeneration, changes },
      { type: 'commit', at: now, deployId, generation: baseGeneration + 1 },
      { type: 'done', at: now, deployId, outcome: 'confirmed' },
    );
  }
}

function abortOf(begin: BeginRecord, now: number): JournalRecord {
  return {
    type: 'abort',
    at: now,
    deployId: begin.deployId,
    error: { code: 'PROCESS_ENDED', message: 'The process ended before the change was committed' },
  };
}

/** Only new code goes on probation; stopping and removing have nothing to watch, and a rollback is never rolled back. */
function needsProbation(open: OpenCommit): boolean {
  return (open.begin.kind === 'deploy' || open.begin.kind === 'start') && open.begin.changes.some((change) => change.to !== null);
}

/** Declares done what needs no probation, and all but the newest that does. Returns the newest. */
function settleOpen(run: RecoveryRun, view: JournalView): OpenCommit | null {
  const trial = view.open.filter(needsProbation).at(-1) ?? null;
  for (const open of view.open) {
    if (open !== trial) run.append({ type: 'done', at: run.now, deployId: open.begin.deployId, outcome: 'confirmed' });
  }
  return trial;
}

function rollBack(run: RecoveryRun, trial: OpenCommit): Alarm {
  const { deployId } = trial.begin;
  // Committing the rollback settles the trial, so that a journal cut right after the commit says the same.
  run.commit(
    `${deployId}.rollback`,
    trial.begin.changes.map((change) =>
      inverse(
        change,
        trial.before.find((one) => one.bundleId === change.bundleId),
        run.view.state,
      ),
    ),
  );
  return {
    code: 'BOOT_FAILED_REPEATEDLY',
    message: `Change '${deployId}' was rolled back: ${FAILED_BOOTS_MAX} starts in a row failed after it was committed`,
    details: { deployId, generation: trial.generation, failedBoots: FAILED_BOOTS_MAX },
    remedy: 'Read the log of the failed starts, repair the bundle and deploy it again.',
  };
}

/** The change that leads from now back to what was before. */
function inverse(change: Change, before: DesiredBundle | undefined, state: DesiredState): Change {
  const { symbolicName, bundleId } = change;
  const now = state.bundles.find((bundle) => bundle.bundleId === bundleId);
  return {
    symbolicName,
    bundleId,
    from: now === undefined ? null : { digest: now.digest, version: now.version },
    to: before === undefined ? null : { digest: before.digest, version: before.version },
    autostart: before?.autostart ?? false,
    startLevel: before?.startLevel ?? change.startLevel,
  };
}

/** Bundles without their blob fall back to the newest content whose blob is good. */
function replaceMissing(run: RecoveryRun, facts: RecoveryFacts): Alarm[] {
  const alarms: Alarm[] = [];
  const changes: Change[] = [];
  for (const bundle of run.view.state.bundles.filter((one) => !facts.hasBlob(one.digest))) {
    const good = contentsKept(bundle).find((content) => facts.hasBlob(content.digest)) ?? null;
    alarms.push(missingAlarm(bundle, good));
    if (good === null) continue;
    const { symbolicName, bundleId, digest, version, autostart, startLevel } = bundle;
    changes.push({ symbolicName, bundleId, from: { digest, version }, to: good, autostart, startLevel });
  }
  // Named after the generation it starts from: recovering again from the same journal makes the same record.
  if (changes.length > 0) run.commit(`recovery.${run.view.state.generation + 1}`, changes);
  return alarms;
}

function missingAlarm(bundle: DesiredBundle, good: BundleContent | null): Alarm {
  const { symbolicName, version, digest } = bundle;
  const fate = good === null ? 'no earlier content is stored, so it stays down' : `it falls back to ${good.version}`;
  return {
    code: 'BLOB_LOST',
    message: `The artifact of '${symbolicName}' ${version} is missing from the store or damaged: ${fate}`,
    details: { symbolicName, version, digest, fallback: good?.version ?? null },
    remedy: `Deploy '${symbolicName}' ${version} again from its release, and check the disk.`,
  };
}

/** A pointer ahead of the journal means that committed records were lost; their generation numbers are never used again. */
function comparePointer(run: RecoveryRun, facts: RecoveryFacts): Alarm[] {
  const { generation } = run.view.state;
  if (facts.pointer === null || facts.pointer.generation <= generation) return [];
  run.view = { ...run.view, state: { ...run.view.state, generation: facts.pointer.generation } };
  run.appended.push({ type: 'snapshot', at: run.now, view: run.view });
  return [
    {
      code: 'JOURNAL_BEHIND_POINTER',
      message: `The journal ends at generation ${generation}, but generation ${facts.pointer.generation} was running: committed changes were lost`,
      details: { journal: generation, pointer: facts.pointer.generation },
      remedy: 'Compare `sluice ls` with what should run, deploy what is missing, and check the disk.',
    },
  ];
}
