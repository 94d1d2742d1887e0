/** Promises of the scheduler in virtual time: due times, one run at a time, ownership by revision, limits, missed runs. */
import { deepStrictEqual as equal } from 'node:assert';
import type { Entry, JobService, Logger, ServiceView } from '@sluice/sdk';
import { settle, VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { CronerCalendar } from '../../../../plugins/system/scheduler/adapters/croner-calendar.js';
import { JobTable } from '../../../../plugins/system/scheduler/domain/job-table.js';
import { LastRuns, type StatePort } from '../../../../plugins/system/scheduler/domain/last-runs.js';

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

class State implements StatePort {
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
async function setup(shared: { clock?: VirtualClock; state?: State } = {}) {
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
const viewOf = (bundle: string, bundleVersion = '1.0.0'): ServiceView => ({
  id: nextId++,
  contractId: 'sluice.scheduler.Job',
  contractVersion: '1.0.0',
  bundle,
  bundleVersion,
  ranking: 0,
  properties: {},
});

/** A job that notes when it ran, in minutes after the start. */
function noting(clock: VirtualClock, schedule: JobService['schedule'], more: Partial<JobService> = {}) {
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
function gated(schedule: JobService['schedule'], more: Partial<JobService> = {}) {
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

describe('system.scheduler due times', () => {
  it('runs a period from its appearance on, without drift', async () => {
    const { clock, table, entries } = await setup();
    const { job, runs } = noting(clock, { everyMs: 2 * MINUTE });
    table.add(job, viewOf('core.ledger'));
    await clock.advance(6 * MINUTE);
    equal(runs, ['2/2', '4/4', '6/6']);
    equal(entries.slice(0, 2), ['begin job core.ledger 1.0.0 65000', 'end core.ledger 1.0.0 failed=false 0']);
  });

  it('runs cron expressions with five and with six fields, in their time zone', async () => {
    const { clock, table } = await setup();
    const hourly = noting(clock, { cron: '30 * * * *' });
    const seconds = noting(clock, { cron: '*/30 0 0 * * *' }, { name: 'seconds' });
    const shanghai = noting(clock, { cron: '0 9 * * *', timeZone: 'Asia/Shanghai' }, { name: 'shanghai' });
    for (const { job } of [hourly, seconds, shanghai]) table.add(job, viewOf('core.ledger'));
    await clock.advance(125 * MINUTE);
    equal([hourly.runs, seconds.runs, shanghai.runs], [['30/30', '90/90'], ['0.5/0.5'], ['60/60']]);
  });

  it('sleeps through long waits in steps, and keeps the time of a run that the clock overtook', async () => {
    const { clock, table } = await setup();
    const { job, runs } = noting(clock, { cron: '0 0 1 3 *' });
    table.add(job, viewOf('core.ledger'));
    await clock.advance(60 * 24 * 60 * MINUTE);
    equal(runs, ['84960/84960']);
  });

  it('names every mistake of a job that cannot be scheduled and goes on', async () => {
    const { clock, table, lines } = await setup();
    table.add({ name: '', schedule: { cron: 'every day' }, run: () => undefined }, viewOf('core.ledger'));
    table.add({ name: 'fast', schedule: { everyMs: 0 }, timeoutMs: 0, run: () => undefined }, viewOf('core.ledger'));
    table.add({ name: 'never', schedule: { cron: '0 0 30 2 *' }, run: () => undefined }, viewOf('core.ledger'));
    table.add({ name: 'zone', schedule: { cron: '0 0 * * *', timeZone: 'Mars/Olympus' }, run: () => undefined }, viewOf('core.ledger'));
    equal(lines.length, 4);
    equal(
      lines[1],
      "error JOB_INVALID Cannot schedule job 'fast' of 'core.ledger': found timeoutMs 0, expected more than 0; found everyMs 0, expected at least 10",
    );
    equal(clock.pending, 0);
  });

  it('moves cron jobs when the default time zone changes', async () => {
    const { clock, table } = await setup();
    const { job, runs } = noting(clock, { cron: '0 9 * * *' });
    table.add(job, viewOf('core.ledger'));
    table.configure({ timeZone: 'Asia/Shanghai', abortGraceMs: 5_000 });
    await clock.advance(120 * MINUTE);
    equal(runs, ['60/60']);
  });
});

describe('system.scheduler runs', () => {
  it('runs a job once at a time and names the run that has not ended', async () => {
    const { clock, table, lines } = await setup();
    const { job, open } = gated({ everyMs: MINUTE }, { timeoutMs: 60 * MINUTE });
    table.add(job, viewOf('core.ledger'));
    await clock.advance(3 * MINUTE);
    equal(
      [open.length, lines],
      [
        1,
        Array.from(
          { length: 2 },
          () => "warn JOB_STILL_RUNNING Job 'core.ledger/close' is passed over: its run of 2026-01-01T00:01:00.000Z has not ended",
        ),
      ],
    );
    open[0]?.();
    await settle();
    await clock.advance(MINUTE);
    equal(open.length, 2);
  });

  it('aborts at the time limit, then gives the run up, ends its entry, and does not begin the same revision again', async () => {
    const { clock, table, lines, entries } = await setup();
    const { job, open, signals } = gated({ everyMs: 10 * MINUTE }, { timeoutMs: MINUTE });
    table.add(job, viewOf('core.ledger'));
    await clock.advance(11 * MINUTE - 1);
    equal(
      signals.map((signal) => signal.aborted),
      [false],
    );
    await clock.advance(1);
    equal([signals[0]?.aborted, signals[0]?.reason.code], [true, 'JOB_TIMED_OUT']);
    await clock.advance(5_000);
    equal(entries, ['begin job core.ledger 1.0.0 65000', 'end core.ledger 1.0.0 failed=true 65000']);
    await clock.advance(9 * MINUTE);
    equal(open.length, 1);
    equal(
      lines.map((text) => text.split(' ').slice(0, 2).join(' ')),
      ['warn JOB_TIMED_OUT', 'error JOB_ABANDONED', 'warn JOB_STILL_RUNNING'],
    );
    open[0]?.();
    await settle();
    await clock.advance(10 * MINUTE);
    equal(open.length, 2);
  });

  it('counts a job that ends after its abort signal as done', async () => {
    const { clock, table, entries, lines } = await setup();
    const job: JobService = {
      name: 'close',
      schedule: { everyMs: 10 * MINUTE },
      timeoutMs: MINUTE,
      run: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    };
    table.add(job, viewOf('core.ledger'));
    await clock.advance(12 * MINUTE);
    equal(entries[1], 'end core.ledger 1.0.0 failed=false 60000');
    equal(lines.length, 1);
  });

  it('reports a job that fails, at once or later, and keeps its schedule', async () => {
    const { clock, table, entries, lines } = await setup();
    let runs = 0;
    const job: JobService = {
      name: 'close',
      schedule: { everyMs: MINUTE },
      run: () => {
        if (++runs === 1) throw new Error('at once');
        return Promise.reject(Object.assign(new Error('later'), { code: 'IGNORED' }));
      },
    };
    table.add(job, viewOf('core.ledger'));
    await clock.advance(2 * MINUTE);
    equal(lines, ["error UNEXPECTED Job 'core.ledger/close' failed: at once", "error UNEXPECTED Job 'core.ledger/close' failed: later"]);
    equal(entries.filter((text) => text.includes('failed=true')).length, 2);
  });
});

describe('system.scheduler ownership', () => {
  for (const order of ['old first', 'new first']) {
    it(`runs only the new revision after a switch, at the due time of the old one (${order})`, async () => {
      const { clock, table } = await setup();
      const old = noting(clock, { everyMs: 10 * MINUTE });
      const next = noting(clock, { everyMs: 10 * MINUTE });
      const [oldView, nextView] = [viewOf('core.ledger', '1.0.0'), viewOf('core.ledger', '2.0.0')];
      table.add(old.job, oldView);
      await clock.advance(16 * MINUTE);
      if (order === 'old first') table.remove(old.job, oldView);
      table.add(next.job, nextView);
      if (order === 'new first') table.remove(old.job, oldView);
      await clock.advance(14 * MINUTE);
      equal([old.runs, next.runs], [['10/10'], ['20/20', '30/30']]);
    });
  }

  it('lets a run of the old revision finish and does not begin the new one beside it', async () => {
    const { clock, table, entries } = await setup();
    const old = gated({ everyMs: 10 * MINUTE }, { timeoutMs: 60 * MINUTE });
    const next = noting(clock, { everyMs: 10 * MINUTE });
    const oldView = viewOf('core.ledger', '1.0.0');
    table.add(old.job, oldView);
    await clock.advance(11 * MINUTE);
    table.remove(old.job, oldView);
    table.add(next.job, viewOf('core.ledger', '2.0.0'));
    await clock.advance(10 * MINUTE);
    equal([old.signals[0]?.aborted, next.runs], [false, []]);
    old.open[0]?.();
    await settle();
    await clock.advance(10 * MINUTE);
    equal(next.runs, ['30/30']);
    equal(entries[1], 'end core.ledger 1.0.0 failed=false 660000');
  });

  it('does not let a run of the old revision that was given up hold back the new one', async () => {
    const { clock, table } = await setup();
    const old = gated({ everyMs: 10 * MINUTE }, { timeoutMs: MINUTE });
    const next = noting(clock, { everyMs: 10 * MINUTE });
    const oldView = viewOf('core.ledger', '1.0.0');
    table.add(old.job, oldView);
    await clock.advance(12 * MINUTE);
    table.remove(old.job, oldView);
    table.add(next.job, viewOf('core.ledger', '2.0.0'));
    await clock.advance(8 * MINUTE);
    equal(next.runs, ['20/20']);
  });

  it('tells the run of a job that is withdrawn for good to end', async () => {
    const { clock, table } = await setup();
    const { job, signals, open } = gated({ everyMs: MINUTE });
    const view = viewOf('core.ledger');
    table.add(job, view);
    await clock.advance(MINUTE);
    table.remove(job, view);
    await settle();
    equal([signals[0]?.aborted, signals[0]?.reason.code], [true, 'JOB_WITHDRAWN']);
    open[0]?.();
    await settle();
    equal(clock.pending, 0);
  });

  it('begins a job once while two revisions of the scheduler live, whichever owns the jobs', async () => {
    const first = await setup();
    const { job, runs } = noting(first.clock, { everyMs: 10 * MINUTE });
    first.table.add(job, viewOf('core.ledger'));
    await first.clock.advance(15 * MINUTE);
    const second = await setup(first);
    second.owner.value = false;
    second.table.add(job, viewOf('core.ledger'));
    await first.clock.advance(10 * MINUTE);
    [first.owner.value, second.owner.value] = [false, true];
    await first.clock.advance(20 * MINUTE);
    [first.owner.value, second.owner.value] = [true, false];
    await first.clock.advance(10 * MINUTE);
    equal(runs, ['10/10', '20/20', '30/30', '40/40', '50/50']);
    equal([first.entries.length, second.entries.length], [6, 4]);
  });
});

describe('system.scheduler missed runs', () => {
  /** Runs for 15 minutes, is down for 25, and runs for 20 again. */
  async function overDowntime(schedule: JobService['schedule'], misfire: 'once' | 'skip' | undefined): Promise<string[]> {
    const first = await setup();
    const { job, runs } = noting(first.clock, schedule, misfire === undefined ? {} : { misfire });
    first.table.add(job, viewOf('core.ledger'));
    await first.clock.advance(15 * MINUTE);
    await first.table.stop();
    await first.clock.advance(25 * MINUTE);
    const second = await setup(first);
    second.table.add(job, viewOf('core.ledger'));
    await first.clock.advance(20 * MINUTE);
    return runs;
  }

  it('passes over what was missed, in step with the times before, unless told otherwise', async () => {
    equal(await overDowntime({ everyMs: 10 * MINUTE }, undefined), ['10/10', '50/50', '60/60']);
    equal(await overDowntime({ cron: '*/10 * * * *' }, 'skip'), ['10/10', '50/50', '60/60']);
  });

  it('makes up several missed runs with one', async () => {
    equal(await overDowntime({ everyMs: 10 * MINUTE }, 'once'), ['10/10', '40/20', '50/50', '60/60']);
    equal(await overDowntime({ cron: '*/10 * * * *' }, 'once'), ['10/10', '40/20', '50/50', '60/60']);
  });

  it('makes up a first run that never happened, and nothing for a job that is new', async () => {
    const first = await setup();
    const { job, runs } = noting(first.clock, { cron: '0 1 * * *' }, { misfire: 'once' });
    first.table.add(job, viewOf('core.ledger'));
    await first.table.stop();
    await first.clock.advance(90 * MINUTE);
    const second = await setup(first);
    second.table.add(job, viewOf('core.ledger'));
    const other = noting(first.clock, { cron: '0 1 * * *' }, { misfire: 'once', name: 'new' });
    second.table.add(other.job, viewOf('core.ledger'));
    await first.clock.advance(MINUTE);
    equal([runs, other.runs], [['90/60'], []]);
  });

  it('does not run again when the clock is set back a little, and goes on when it is set back far', async () => {
    const at = async (setBackMs: number): Promise<string[]> => {
      const state = new State();
      state.text = JSON.stringify({ lastRuns: { 'core.ledger/close': START } });
      const clock = new VirtualClock(START - setBackMs);
      const { table } = await setup({ clock, state });
      const { job, runs } = noting(clock, { cron: '*/10 * * * *' });
      table.add(job, viewOf('core.ledger'));
      await clock.advance(45 * MINUTE);
      return runs.map((run) => run.split('/')[0] as string);
    };
    equal(await at(30 * MINUTE), ['10']);
    equal(await at(24 * 60 * MINUTE), ['-1430', '-1420', '-1410', '-1400']);
  });
});

describe('system.scheduler state', () => {
  it('keeps last times by job, forgets those of uninstalled bundles, survives nonsense', async () => {
    const state = new State();
    state.text = JSON.stringify({ lastRuns: { 'core.ledger/close': START - MINUTE, 'gone/job': 5, 'core.x/bad': 'text' } });
    const { clock, table, lastRuns } = await setup({ state });
    const { job } = noting(clock, { everyMs: 2 * MINUTE });
    table.add(job, viewOf('core.ledger'));
    await clock.advance(MINUTE);
    await lastRuns.flush();
    equal(JSON.parse(state.text ?? ''), { lastRuns: { 'core.ledger/close': START + MINUTE } });
    state.text = 'nonsense';
    const second = await setup({ state });
    equal(second.lines.length, 1);
  });

  it('writes many runs of one moment in two steps and reports a failing disk once', async () => {
    const { state, lines, lastRuns } = await setup();
    state.failure = new Error('disk full');
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 100; index++) lastRuns.record(`core.ledger/job-${index}`, START);
      await lastRuns.flush();
    }
    equal([lines.length, state.writes], [1, 4]);
    state.failure = null;
    lastRuns.record('core.ledger/one-more', START);
    await lastRuns.flush();
    equal(Object.keys((JSON.parse(state.text ?? '') as { lastRuns: object }).lastRuns).length, 101);
  });
});

describe('system.scheduler stop', () => {
  it('begins nothing more, waits for runs, then tells them to end, then leaves, in bounded time', async () => {
    const { clock, table, entries } = await setup();
    const quick = gated({ everyMs: MINUTE }, { name: 'quick', timeoutMs: 60 * MINUTE });
    const stuck = gated({ everyMs: MINUTE }, { name: 'stuck', timeoutMs: 60 * MINUTE });
    table.add(quick.job, viewOf('core.ledger'));
    table.add(stuck.job, viewOf('core.ledger'));
    await clock.advance(MINUTE);
    let stopped = false;
    const stopping = table.stop().then(() => (stopped = true));
    await clock.advance(1_000);
    quick.open[0]?.();
    await clock.advance(1_999);
    equal([quick.signals[0]?.aborted, stuck.signals[0]?.aborted, stopped], [false, false, false]);
    await clock.advance(1);
    equal([quick.signals[0]?.aborted, stuck.signals[0]?.reason.code, stopped], [true, 'SCHEDULER_STOPPED', false]);
    await clock.advance(3_000);
    await stopping;
    await clock.advance(10 * MINUTE);
    equal([quick.open.length, stuck.open.length], [1, 1]);
    equal(entries.filter((text) => text.startsWith('end')).length, 2);
    equal(clock.pending, 0);
  });
});
