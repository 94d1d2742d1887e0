/**
 * All jobs and their next times. Owned here: which revision's job counts, and that a job runs once at a time.
 * Leaves the calendar, the clock and the files to ports.
 * Always holds: after a switch only the new revision's job is begun, and at its old due time; a run of the old one ends on its own.
 * While two revisions of this scheduler live, both follow the same times and only the one that owns the jobs begins them.
 */
import {
  messageOf,
  SluiceError,
  type Clock,
  type EntriesService,
  type JobService,
  type Logger,
  type ServiceView,
  type Timer,
} from '@sluice/sdk';
import { JobRun } from './job-run.js';
import type { LastRuns } from './last-runs.js';
import { checkJob, firstDue, nextDue, sameSchedule, type CronCalendar, type Schedule } from './schedule.js';

/** What the table needs from its surroundings. */
export interface TableSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly entries: Pick<EntriesService, 'begin'>;
  readonly calendar: CronCalendar;
  readonly lastRuns: LastRuns;
  /** True while this revision of the scheduler is the current one. */
  owns(): boolean;
}

/** Settings that change while running. */
export interface TableSettings {
  readonly timeZone: string;
  readonly abortGraceMs: number;
}

/** Longest sleep. The wall clock may be set, and timers cannot wait longer than 24 days anyway. */
const SLEEP_MS_MAX = 3_600_000;
/** How long a stop waits for jobs before, and after, telling them to end. */
const STOP_WAIT_MS = 3_000;

interface Slot {
  readonly id: string;
  /** Null between the withdrawal of one revision's job and the arrival of the next one's. */
  service: { readonly job: JobService; readonly view: ServiceView } | null;
  schedule: Schedule;
  dueAt: number | null;
  timer: Timer | null;
  run: JobRun | null;
}

/** Schedules jobs. */
export class JobTable {
  readonly #around: TableSurroundings;
  readonly #slots = new Map<string, Slot>();
  #settings: TableSettings;
  #stopped = false;

  constructor(around: TableSurroundings, settings: TableSettings) {
    this.#around = around;
    this.#settings = settings;
  }

  /** A job appeared, maybe in place of one of the same name. Does not throw: it runs inside a switch. */
  add(job: JobService, view: ServiceView): void {
    const { calendar, lastRuns, clock, log } = this.#around;
    const id = `${view.bundle}/${job.name}`;
    try {
      checkJob(view.bundle, job, calendar, this.#settings.timeZone);
    } catch (error) {
      log.error(messageOf(error), { code: 'JOB_INVALID', bundle: view.bundle, job: job.name });
      return;
    }
    const before = this.#slots.get(id);
    before?.timer?.cancel();
    const kept = before !== undefined && sameSchedule(before.schedule, job.schedule);
    const now = clock.now();
    const lastAt = lastRuns.of(id);
    const dueAt = kept ? before.dueAt : firstDue(job, lastAt, now, calendar, this.#settings.timeZone);
    if (lastAt === undefined) this.#remember(id, now);
    const slot: Slot = { id, service: { job, view }, schedule: job.schedule, dueAt, timer: null, run: before?.run ?? null };
    this.#slots.set(id, slot);
    this.#arm(slot);
  }

  /** A job was withdrawn. The next revision's may follow in the same step, so nothing ends before that step is over. */
  remove(job: JobService, view: ServiceView): void {
    const slot = this.#slots.get(`${view.bundle}/${job.name}`);
    if (slot === undefined || slot.service?.view.id !== view.id) return;
    slot.service = null;
    slot.timer?.cancel();
    queueMicrotask(() => {
      if (this.#slots.get(slot.id) !== slot) return;
      this.#slots.delete(slot.id);
      slot.run?.cancel('JOB_WITHDRAWN', 'its bundle no longer offers it');
    });
  }

  configure(settings: TableSettings): void {
    const moved = settings.timeZone !== this.#settings.timeZone;
    this.#settings = settings;
    if (moved) for (const slot of this.#slots.values()) if ('cron' in slot.schedule) this.#reschedule(slot);
  }

  /** Begins nothing more; waits for what runs, then tells it to end, within a bounded time. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const runs: JobRun[] = [];
    for (const slot of this.#slots.values()) {
      slot.timer?.cancel();
      if (slot.run !== null && !slot.run.abandoned) runs.push(slot.run);
    }
    this.#slots.clear();
    const all = Promise.all(runs.map((run) => run.finished));
    for (const last of [false, true]) {
      if (await this.#within(all, STOP_WAIT_MS)) break;
      if (!last) for (const run of runs) run.cancel('SCHEDULER_STOPPED', 'the scheduler is stopped');
    }
    await this.#around.lastRuns.flush();
  }

  #arm(slot: Slot): void {
    if (slot.dueAt === null || this.#stopped) return;
    const { clock } = this.#around;
    const delayMs = Math.min(Math.max(0, slot.dueAt - clock.now()), SLEEP_MS_MAX);
    slot.timer = clock.setTimeout(() => this.#wake(slot), delayMs);
  }

  #wake(slot: Slot): void {
    const scheduledAt = slot.dueAt;
    if (scheduledAt !== null && scheduledAt <= this.#around.clock.now()) {
      this.#due(slot, scheduledAt);
      this.#reschedule(slot, scheduledAt);
    } else {
      this.#arm(slot);
    }
  }

  #due(slot: Slot, scheduledAt: number): void {
    const { log, owns } = this.#around;
    if (slot.service === null) return;
    const { job, view } = slot.service;
    this.#remember(slot.id, scheduledAt);
    if (!owns()) return;
    // A run given up belongs to code that ignores its signal. It holds back its own revision, which must not do the work twice, and no other.
    if (slot.run !== null && (!slot.run.abandoned || slot.run.viewId === view.id)) {
      log.warn(`Job '${slot.id}' is passed over: its run of ${new Date(slot.run.scheduledAt).toISOString()} has not ended`, {
        code: 'JOB_STILL_RUNNING',
        abandoned: slot.run.abandoned,
      });
      return;
    }
    this.#begin(slot, job, view, scheduledAt);
  }

  #begin(slot: Slot, job: JobService, view: ServiceView, scheduledAt: number): void {
    const { clock, log, entries } = this.#around;
    const run = new JobRun(job, view.id, slot.id, scheduledAt, {
      clock,
      log,
      abortGraceMs: this.#settings.abortGraceMs,
      begin: (timeoutMs) => entries.begin('job', view.bundle, view.bundleVersion, timeoutMs),
    });
    slot.run = run;
    void run.ended.then(() => {
      const current = this.#slots.get(slot.id);
      if (current?.run === run) current.run = null;
    });
  }

  #reschedule(slot: Slot, lastAt = this.#around.lastRuns.of(slot.id)): void {
    const { calendar, clock } = this.#around;
    slot.timer?.cancel();
    const now = clock.now();
    slot.dueAt = nextDue(slot.schedule, lastAt ?? now, now, calendar, this.#settings.timeZone);
    if (slot.service !== null) this.#arm(slot);
  }

  #remember(id: string, at: number): void {
    const { lastRuns, owns } = this.#around;
    if (owns()) lastRuns.record(id, at);
    else lastRuns.note(id, at);
  }

  async #within(work: Promise<unknown>, limitMs: number): Promise<boolean> {
    let timer: Timer | null = null;
    const late = new Promise<boolean>((resolve) => (timer = this.#around.clock.setTimeout(() => resolve(false), limitMs)));
    const inTime = await Promise.race([work.then(() => true), late]);
    (timer as Timer | null)?.cancel();
    return inTime;
  }
}

/** The error of a second job of the same name in one bundle. */
export function duplicateJob(bundle: string, name: string): SluiceError {
  return new SluiceError('JOB_INVALID', `Cannot schedule job '${name}' of '${bundle}': found two jobs of this name, expected one`, {
    details: { bundle, job: name },
    remedy: 'Give each job of the bundle a name of its own.',
  });
}
