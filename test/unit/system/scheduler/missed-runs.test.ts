/** Promises of the scheduler over restarts: missed runs, kept times, a bounded stop. */
import { deepStrictEqual as equal } from 'node:assert';
import type { JobService } from '@sluice/sdk';
import { VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { gated, MINUTE, noting, setup, START, State, viewOf } from './job-bench.js';

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
