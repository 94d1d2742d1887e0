/** What was done to a bundle, by whom and with which outcome: from the journal, and what this process remembers besides. */
import type { Change, HistoryRecord } from '../host/ports.js';
import type { Bundle } from './bundle.js';
import type { KernelState } from './kernel-state.js';
import type { Cause } from './runtime.js';

/** Newest entries told. */
const HISTORY_TOLD_MAX = 5;

/** The last things that happened to a bundle, newest first. */
export function whyHistory(bundle: Bundle, state: KernelState): readonly Cause[] {
  const about = { subject: bundle.symbolicName, area: 'history', depth: 0 } as const;
  const remembered = bundle.log.map(({ at, statement }): Cause => ({ ...about, statement, at }));
  const recorded = recordsOf(bundle, state).flatMap(({ record, change }): readonly Cause[] => {
    const known = bundle.log.some(
      ({ statement }) => statement.includes(record.deployId) || (record.error !== undefined && statement.endsWith(record.error.message)),
    );
    return known && record.outcome !== 'rolled-back'
      ? []
      : [{ ...about, statement: statementOf(record, change), at: record.at, ...commandOf(record, bundle) }];
  });
  return [...remembered, ...recorded].sort((a, b) => (b.at ?? 0) - (a.at ?? 0)).slice(0, HISTORY_TOLD_MAX);
}

/** Who said that a bundle shall not run. */
export function whyStopped(bundle: Bundle, state: KernelState): Cause {
  const subject = bundle.symbolicName;
  const command = `sluice start ${subject}`;
  const found = recordsOf(bundle, state).findLast(({ record, change }) => record.outcome === 'committed' && !change.autostart);
  if (found === undefined) {
    return { subject, area: 'history', depth: 0, statement: 'was installed and never started', command };
  }
  const { kind, actor, deployId, at } = found.record;
  const how = kind === 'stop' ? 'was stopped' : kind === 'rollback' ? 'was stopped by a rollback' : 'was installed without being started';
  return { subject, area: 'history', depth: 0, statement: `${how} by ${actor} (${deployId})`, at, command };
}

function recordsOf(bundle: Bundle, state: KernelState): readonly { readonly record: HistoryRecord; readonly change: Change }[] {
  return state.journal.view.state.history.flatMap((record) => {
    const change = record.changes.find(({ symbolicName }) => symbolicName === bundle.symbolicName);
    return change === undefined ? [] : [{ record, change }];
  });
}

function statementOf({ kind, actor, outcome, deployId, error }: HistoryRecord, { from, to }: Change): string {
  const versions =
    from === null
      ? (to?.version ?? '')
      : to === null
        ? from.version
        : from.version === to.version
          ? to.version
          : `${from.version} -> ${to.version}`;
  const what = `${kind} ${versions} by ${actor} (${deployId})`;
  if (outcome === 'aborted') return `${what} was refused: ${error?.message ?? 'no reason was recorded'}`;
  if (outcome === 'rolled-back') return `${what} was taken back${error === undefined ? '' : `: ${error.message}`}`;
  return outcome === 'running' ? `${what} is under way` : what;
}

function commandOf({ outcome }: HistoryRecord, { symbolicName }: Bundle): Pick<Cause, 'command'> {
  return outcome === 'aborted' || outcome === 'rolled-back' ? { command: `sluice logs ${symbolicName} -l warn` } : {};
}
