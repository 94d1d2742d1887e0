/** Jobs and surroundings for tests of the scheduler. */
import type { Entry, JobService, Logger, ServiceView } from '@sluice/sdk';
import { VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { CronerCalendar } from '../../../../plugins/system/scheduler/adapters/croner-calendar.js';
import { JobTable } from '../../../../plugins/system/scheduler/domain/job-table.js';
import { LastRuns, type StatePort } from '../../../../plugins/system/scheduler/domain/last-runs.js';

/** When virtual time begins. */
export const START = Date.UTC(2026, 0, 1);
/** One minute. */
export const MINUTE = 60_000;

/** State in memory. */
export class State implements StatePort {
  text: string | null = null;
  writes = 0;
  failure: Error | null = null;
  async read(): Promise<string | null> {
    return this.text;
  }
  async write(text: string): Promise<void> {
    this.writes++;
    if (this.failure !== null) throw this.failure;
    this.text = text;
  }
}

/** The surroundings of one scheduler revision. Clock and state may be shared by several. */
export async function setup(shared: { clock?: VirtualClock; state?: State } = {}) {
  const clock = shared.clock ?? new VirtualClock(START);
  const state = shared.state ?? new State();
  const lines: string[] = [];
  const entries: string[] = [];
  const line = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void lines.push(`${level} ${String(fields?.['code'] ?? '')} ${message}`);
  const log: Logger = {
    trace: line('trace'),
    debug: () => undefined,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: () => log,
  };
  const owner = { value: true };
  const lastRuns = await LastRuns.load(state, log, (id) => !id.startsWith('gone/'));
  const begin = (kind: string, bundle: string, version: string, timeoutMs?: number): Entry => {
    entries.push(`begin ${kind} ${bundle} ${version} ${timeoutMs}`);
    return {
      generation: 1,
      deadline: Infinity,
      run: (code) => code(),
      end: (outcome) => void entries.push(`end ${bundle} ${version} failed=${outcome?.failed} ${outcome?.durationMs}`),
    };
  };
  const table = new JobTable(
    { clock, log, entries: { begin }, calendar: new CronerCalendar(), lastRuns, owns: () => owner.value },
    { timeZone: 'UTC', abortGraceMs: 5_000 },
  );
  return { clock, state, lines, entries, owner, table, lastRuns };
}

let nextId = 1;
/** The view of a job of a bundle version. */
export const viewOf = (bundle: string, bundleVersion = '1.0.0'): ServiceView => ({
  id: nextId++,
  contractId: 'sluice.scheduler.Job',
  contractVersion: '1.0.0',
  bundle,
  bundleVersion,
  ranking: 0,
  properties: {},
});

/** A job that notes when it ran, in minutes after the start. */
export function noting(clock: VirtualClock, schedule: JobService['schedule'], more: Partial<JobService> = {}) {
  const runs: string[] = [];
  const job: JobService = {
    name: 'close',
    schedule,
    run: ({ scheduledAt }) => void runs.push(`${(clock.now() - START) / MINUTE}/${(scheduledAt - START) / MINUTE}`),
    ...more,
  };
  return { job, runs };
}

/** A job whose runs end when the test says so. */
export function gated(schedule: JobService['schedule'], more: Partial<JobService> = {}) {
  const open: (() => void)[] = [];
  const signals: AbortSignal[] = [];
  const job: JobService = {
    name: 'close',
    schedule,
    run: ({ signal }) => {
      signals.push(signal);
      return new Promise<void>((resolve) => open.push(resolve));
    },
    ...more,
  };
  return { job, open, signals };
}
