/** Scheduled jobs after the whiteboard pattern. A job belongs to one epoch: after a swap only the new revision's runs. */
import { localContract } from './contract.js';

/** A whiteboard service that the scheduler runs. */
export interface JobService {
  /** Stable name, unique in the bundle. */
  readonly name: string;
  /** Cron expression (five or six fields), or a period. */
  readonly schedule: { readonly cron: string; readonly timeZone?: string } | { readonly everyMs: number };
  /** What to do about runs missed while the system was down: run once at start, or skip. Default `skip`. */
  readonly misfire?: 'once' | 'skip';
  /** Longest run in milliseconds; the signal is aborted then. Default 60,000. */
  readonly timeoutMs?: number;
  run(run: { readonly scheduledAt: number; readonly signal: AbortSignal }): void | Promise<void>;
}

/** Whiteboard contract of jobs. */
export const Job = localContract<JobService>('sluice.scheduler.Job', '1.0.0', []);
