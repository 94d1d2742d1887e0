/**
 * What the records of a journal mean: their fold into the desired state.
 * Pure and total: no I/O, no clock; any prefix of a journal gives a whole state, old or new.
 */
import type {
  BeginRecord,
  BundleContent,
  Change,
  ChangeKind,
  DeployedRelease,
  DesiredBundle,
  DesiredState,
  DoneRecord,
  HistoryRecord,
  JournalRecord,
  JournalView,
  UnwrittenConfiguration,
} from './ports.js';

/** Changes remembered in `DesiredState.history`. */
export const HISTORY_MAX = 200;
/** Bundle changes remembered over all entries of the history. */
export const HISTORY_CHANGES_MAX = 5_000;
/** Releases remembered in `DesiredState.releases`. */
export const RELEASES_MAX = 20;
/** Releases one can return from: the artifacts they replaced are kept. */
const RELEASES_RETURNABLE = 3;
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
    ...withReleases(state, begin, generation),
  };
}

/** The releases after a commit: a new one is added, one that is taken back is marked. */
function withReleases(state: DesiredState, begin: BeginRecord, generation: number): Pick<DesiredState, 'releases'> {
  const known = marked(state.releases ?? [], begin.undoes, 'rolled-back');
  const { release, deployId, at, actor } = begin;
  if (release === undefined) return known.length === 0 ? {} : { releases: known };
  const before = begin.changes.map(({ symbolicName, bundleId, from, startLevel }) => {
    const bundle = state.bundles.find((one) => one.bundleId === bundleId);
    return {
      symbolicName,
      bundleId,
      content: from,
      autostart: bundle?.autostart ?? false,
      startLevel: bundle?.startLevel ?? startLevel,
      ...(bundle?.tier === undefined ? {} : { tier: bundle.tier }),
    };
  });
  const entry: DeployedRelease = {
    ...{ deployId, at, actor, generation, outcome: 'on-trial', release, before },
    configuration: begin.configuration ?? [],
  };
  return { releases: boundedReleases([...known, entry]) };
}

/** Bounded by releases and, as one may name a thousand bundles, by bundles. The newest always stays. */
function boundedReleases(releases: readonly DeployedRelease[]): readonly DeployedRelease[] {
  let first = releases.length - 1;
  let bundles = releases[first]?.release.bundles.length ?? 0;
  while (first > 0 && releases.length - first < RELEASES_MAX) {
    bundles += releases[first - 1]?.release.bundles.length ?? 0;
    if (bundles > HISTORY_CHANGES_MAX) break;
    first -= 1;
  }
  return releases.slice(first);
}

function marked(
  releases: readonly DeployedRelease[],
  deployId: string | undefined,
  outcome: DeployedRelease['outcome'],
): readonly DeployedRelease[] {
  if (deployId === undefined || !releases.some((one) => one.deployId === deployId)) return releases;
  return releases.map((one) => (one.deployId === deployId ? { ...one, outcome } : one));
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
    ...(change.tier === undefined ? {} : { tier: change.tier }),
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
export function contentsKept(bundle: DesiredBundle): readonly BundleContent[] {
  return bundle.previous === null ? bundle.earlier : [bundle.previous, ...bundle.earlier];
}

function entryOf(begin: BeginRecord): HistoryRecord {
  const { deployId, at, kind, actor, changes, release } = begin;
  const label = release === undefined ? {} : { release: { name: release.name, version: release.version } };
  return { deployId, at, kind, actor, outcome: 'running', generation: null, changes, ...label };
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
      return foldDone(view, record.deployId, record.outcome, record.details);
    case 'boot':
      return { ...view, failedBoots: view.failedBoots + 1 };
    case 'booted':
      return { ...view, failedBoots: 0 };
    case 'configured':
      return withUnwritten(
        view,
        (view.unwritten ?? []).filter((one) => one.deployId !== record.deployId),
      );
    default:
      // A record of a later kernel: what it says cannot be known here.
      return view;
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
  const settled = view.open.filter(
    (one) => one.begin.deployId === begin.undoes || one.begin.changes.some((change) => ids.has(change.bundleId)),
  );
  let next: JournalView = { ...view, undecided: view.undecided.filter((one) => one !== begin), failedBoots: 0 };
  for (const one of settled) next = foldDone(next, one.begin.deployId, begin.kind === 'rollback' ? 'rolled-back' : 'confirmed');
  if (begin.configuration !== undefined && begin.configuration.length > 0) {
    next = withUnwritten(next, [...(next.unwritten ?? []), { deployId, actor: begin.actor, changes: begin.configuration }]);
  }
  return { ...next, state: applyCommit(next.state, begin, generation), open: [...next.open, { begin, generation, at, before }] };
}

function withUnwritten(view: JournalView, unwritten: readonly UnwrittenConfiguration[]): JournalView {
  const { unwritten: _before, ...rest } = view;
  return unwritten.length === 0 ? rest : { ...rest, unwritten };
}

function foldDone(
  view: JournalView,
  deployId: string,
  outcome: 'confirmed' | 'rolled-back',
  details: DoneRecord['details'] = {},
): JournalView {
  const open = view.open.filter((one) => one.begin.deployId !== deployId);
  const { code, message } = details;
  // The commit of the way back has settled it already; why it was taken back is only told here.
  const reason = outcome === 'rolled-back' && typeof code === 'string' && typeof message === 'string' ? { error: { code, message } } : {};
  if (open.length === view.open.length && !('error' in reason)) return view;
  const releases = marked(view.state.releases ?? [], deployId, outcome);
  const state = releases === view.state.releases || releases.length === 0 ? view.state : { ...view.state, releases };
  if (outcome === 'confirmed') return { ...view, open, state };
  const history = view.state.history.map((one) => (one.deployId === deployId ? { ...one, outcome, ...reason } : one));
  return { ...view, open, state: { ...state, history } };
}

/** The view of a whole journal. */
export function foldRecords(records: Iterable<JournalRecord>): JournalView {
  let view = EMPTY_VIEW;
  for (const record of records) view = foldRecord(view, record);
  return view;
}

/** The releases one can still return from, newest first. */
export function returnable({ releases = [] }: DesiredState): readonly DeployedRelease[] {
  return releases
    .filter((one) => one.outcome !== 'rolled-back')
    .slice(-RELEASES_RETURNABLE)
    .reverse();
}

/** Every digest that a view may still need, for `BlobStore.orphans` and for checking blobs before `recover`. */
export function digestsInUse(view: JournalView): ReadonlySet<string> {
  const digests = new Set<string>();
  for (const { digest, previous, earlier } of [...view.state.bundles, ...view.open.flatMap((one) => one.before)]) {
    for (const content of [digest, previous?.digest, ...earlier.map((one) => one.digest)]) if (content !== undefined) digests.add(content);
  }
  for (const release of returnable(view.state)) for (const { content } of release.before) if (content !== null) digests.add(content.digest);
  for (const begin of view.undecided) for (const change of begin.changes) if (change.to !== null) digests.add(change.to.digest);
  return digests;
}
