/**
 * What a start has to repair before it starts anything, from the journal, the blobs that are there and the pointer.
 * Pure: no I/O, no clock. Recovering twice changes nothing, also when the process died while the first one was being written.
 */
import { invertedConfiguration } from '../model/index.js';
import { contentsKept, foldRecord } from './journal-view.js';
import type {
  Alarm,
  BeginRecord,
  BundleContent,
  Change,
  DesiredBundle,
  DesiredState,
  JournalRecord,
  JournalView,
  OpenCommit,
  Recovery,
  RecoveryFacts,
} from './ports.js';

export { digestsInUse } from './journal-view.js';

/** Starts that may fail after a commit on probation before it is rolled back. */
export const FAILED_BOOTS_MAX = 3;

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
  const remaining = run.view.open.filter(needsProbation).at(-1);
  return {
    state: run.view.state,
    append: run.appended,
    trial:
      remaining === undefined
        ? null
        : {
            deployId: remaining.begin.deployId,
            generation: remaining.generation,
            bundles: remaining.begin.changes.filter((change) => isNews(change, remaining.before)).map((change) => change.symbolicName),
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
  commit(deployId: string, changes: readonly Change[], more: Pick<BeginRecord, 'undoes' | 'configuration'> = {}): void {
    const { now } = this;
    const baseGeneration = this.view.state.generation;
    this.append(
      { type: 'begin', at: now, deployId, kind: 'rollback', actor: 'recovery', baseGeneration, changes, ...more },
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
  if (open.begin.confirmWithinMs !== undefined) return true;
  return (open.begin.kind === 'deploy' || open.begin.kind === 'start') && open.begin.changes.some((change) => change.to !== null);
}

/** False for a bundle that a change named without changing it: it is on trial no more than any other. */
function isNews({ bundleId, to, autostart, tier }: Change, before: readonly DesiredBundle[]): boolean {
  const old = before.find((one) => one.bundleId === bundleId);
  return old?.digest !== to?.digest || old?.autostart !== autostart || old.tier !== tier;
}

/** Declares done what needs no probation, and all but the newest that does. Returns the newest. */
function settleOpen(run: RecoveryRun, view: JournalView): OpenCommit | null {
  const trial = view.open.filter(needsProbation).at(-1) ?? null;
  for (const open of view.open) {
    // A temporary change waits for somebody to confirm it, however many follow it.
    if (open !== trial && open.begin.confirmWithinMs === undefined)
      run.append({ type: 'done', at: run.now, deployId: open.begin.deployId, outcome: 'confirmed' });
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
    { undoes: deployId, configuration: invertedConfiguration(trial.begin.configuration) },
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
    ...(before?.tier === undefined ? {} : { tier: before.tier }),
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
    const { symbolicName, bundleId, digest, version, autostart, startLevel, tier } = bundle;
    const chosen = tier === undefined ? {} : { tier };
    changes.push({ symbolicName, bundleId, from: { digest, version }, to: good, autostart, startLevel, ...chosen });
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
