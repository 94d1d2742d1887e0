/** Promises of the scheduler in virtual time: due times, one run at a time, ownership by revision, limits. */
import { deepStrictEqual as equal } from 'node:assert';
import type { JobService } from '@sluice/sdk';
import { settle } from '@sluice/kernel/testing/virtual-clock';
import { gated, MINUTE, noting, setup, viewOf } from './job-bench.js';

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
