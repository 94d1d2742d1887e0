/**
 * When a job is due. Pure, but for cron expressions, whose calendar is behind a port.
 * Always holds: a due time lies after the one before, also when the wall clock was set back by up to an hour; a run missed is either run once or
 * passed over, never run several times.
 */
import { SluiceError, type JobService } from '@sluice/sdk';

/** How a job is scheduled. */
export type Schedule = JobService['schedule'];

/** The calendar behind cron expressions. */
export interface CronCalendar {
  /**
   * First time after a moment that an expression names, or null when there is none.
   * @throws Error when the expression or the time zone is wrong.
   */
  nextAfter(cron: string, timeZone: string, afterMs: number): number | null;
}

/** The wall clock may be set back this far before the last run stops to count. Beyond it waiting would stop jobs for days. */
const SET_BACK_MS_MAX = 3_600_000;

/** The next due time after a moment, null for never. `lastAt` anchors periods, so that they do not drift. */
export function nextDue(schedule: Schedule, lastAt: number, afterMs: number, calendar: CronCalendar, timeZone: string): number | null {
  const anchor = lastAt - afterMs > SET_BACK_MS_MAX ? afterMs : lastAt;
  if ('cron' in schedule) return calendar.nextAfter(schedule.cron, schedule.timeZone ?? timeZone, Math.max(anchor, afterMs));
  const periods = Math.max(1, Math.floor((afterMs - anchor) / schedule.everyMs) + 1);
  return anchor + periods * schedule.everyMs;
}

/** When a job that appears now is due: at once for a missed run that shall be made up, else at its next time. */
export function firstDue(
  job: Pick<JobService, 'schedule' | 'misfire'>,
  lastAt: number | undefined,
  now: number,
  calendar: CronCalendar,
  timeZone: string,
): number | null {
  if (lastAt === undefined) return nextDue(job.schedule, now, now, calendar, timeZone);
  const missed = nextDue(job.schedule, lastAt, lastAt, calendar, timeZone);
  if (missed !== null && missed <= now && job.misfire === 'once') return missed;
  return nextDue(job.schedule, lastAt, now, calendar, timeZone);
}

/** True when two schedules mean the same times. */
export function sameSchedule(one: Schedule, other: Schedule): boolean {
  if ('cron' in one) return 'cron' in other && one.cron === other.cron && one.timeZone === other.timeZone;
  return 'everyMs' in other && one.everyMs === other.everyMs;
}

/**
 * Refuses a job that could not be scheduled.
 * @throws SluiceError `JOB_INVALID` with all mistakes.
 */
export function checkJob(bundle: string, job: JobService, calendar: CronCalendar, timeZone: string): void {
  const mistakes: string[] = [];
  if (typeof job.name !== 'string' || job.name === '') mistakes.push("found no name, expected a stable name such as 'close-day'");
  if (typeof job.run !== 'function') mistakes.push("found no function 'run'");
  if (job.timeoutMs !== undefined && !(job.timeoutMs > 0)) mistakes.push(`found timeoutMs ${job.timeoutMs}, expected more than 0`);
  const mistake = scheduleMistake(job.schedule, calendar, timeZone);
  if (mistake !== undefined) mistakes.push(mistake);
  if (mistakes.length === 0) return;
  throw new SluiceError('JOB_INVALID', `Cannot schedule job '${job.name}' of '${bundle}': ${mistakes.join('; ')}`, {
    details: { bundle, job: job.name, mistakes },
    remedy: 'Correct the job where the bundle registers it.',
  });
}

/** Shortest period. Below it a job is a loop. */
const PERIOD_MS_MIN = 10;

function scheduleMistake(schedule: Schedule | undefined, calendar: CronCalendar, timeZone: string): string | undefined {
  if (schedule === undefined) return 'found no schedule, expected { cron } or { everyMs }';
  if ('everyMs' in schedule) {
    const usable = Number.isFinite(schedule.everyMs) && schedule.everyMs >= PERIOD_MS_MIN;
    return usable ? undefined : `found everyMs ${schedule.everyMs}, expected at least ${PERIOD_MS_MIN}`;
  }
  try {
    const due = calendar.nextAfter(schedule.cron, schedule.timeZone ?? timeZone, 0);
    return due === null ? `found cron '${schedule.cron}', which names no time` : undefined;
  } catch (error) {
    return `found cron '${schedule.cron}' in '${schedule.timeZone ?? timeZone}', expected five or six fields (${(error as Error).message})`;
  }
}
