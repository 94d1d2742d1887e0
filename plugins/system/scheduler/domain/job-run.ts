/**
 * One run of one job: counted as an entry, told to stop at its time limit, given up when it does not.
 * Always holds: the entry ends exactly once and in bounded time, so a job that hangs cannot hold back a swap for ever.
 */
import { codeOf, messageOf, SluiceError, type Clock, type Entry, type JobService, type Logger, type Timer } from '@sluice/sdk';

/** What a run needs from its surroundings. */
export interface RunSurroundings {
  readonly clock: Pick<Clock, 'setTimeout' | 'monotonic'>;
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
  begin(timeoutMs: number): Entry;
  /** Time to end after the signal was aborted. */
  readonly abortGraceMs: number;
}

/** Time limit of jobs that state none. */
const TIMEOUT_MS = 60_000;

/** A run under way. */
export class JobRun {
  /** Symbolic name and job name, for messages. */
  readonly label: string;
  readonly scheduledAt: number;
  /** True once the run was given up: it may still be working, but nobody waits for it. */
  abandoned = false;
  /** Resolves when the job has ended by itself or was given up. Never rejects. */
  readonly finished: Promise<void>;
  /** Resolves when the job's own code has ended, however late. Never rejects. */
  readonly ended: Promise<void>;
  readonly #around: RunSurroundings;
  readonly #abort = new AbortController();

  /** @param viewId id of the service the run belongs to. */
  constructor(
    job: JobService,
    readonly viewId: number,
    label: string,
    scheduledAt: number,
    around: RunSurroundings,
  ) {
    this.label = label;
    this.scheduledAt = scheduledAt;
    this.#around = around;
    const entry = around.begin((job.timeoutMs ?? TIMEOUT_MS) + around.abortGraceMs);
    const work = settled(() => entry.run(() => job.run({ scheduledAt, signal: this.#abort.signal })));
    this.ended = work.then(() => undefined);
    this.finished = this.#follow(work, entry, job.timeoutMs ?? TIMEOUT_MS);
  }

  /** Tells the job to end early. */
  cancel(code: string, reason: string): void {
    if (!this.#abort.signal.aborted) this.#abort.abort(new SluiceError(code, `Job '${this.label}' shall end: ${reason}`));
  }

  async #follow(work: Promise<WorkOutcome>, entry: Entry, timeoutMs: number): Promise<void> {
    const { clock, log, abortGraceMs } = this.#around;
    const startedAt = clock.monotonic();
    const { signal } = this.#abort;
    const timers = new Set<Timer>();
    const givenUp = new Promise<'given up'>((resolve) => {
      signal.addEventListener('abort', () => timers.add(clock.setTimeout(() => resolve('given up'), abortGraceMs)), { once: true });
    });
    timers.add(clock.setTimeout(() => this.#timeOut(timeoutMs), timeoutMs));
    const outcome = await Promise.race([work, givenUp]);
    for (const timer of timers) timer.cancel();
    const durationMs = clock.monotonic() - startedAt;
    const failed = outcome !== 'done';
    entry.end({ failed, durationMs });
    if (outcome === 'given up') {
      this.abandoned = true;
      log.error(`Job '${this.label}' did not end ${abortGraceMs} ms after it was told to and is given up`, {
        code: 'JOB_ABANDONED',
        durationMs,
      });
    } else if (failed) {
      const { error } = outcome;
      log.error(`Job '${this.label}' failed: ${messageOf(error)}`, { code: codeOf(error), durationMs, error });
    } else {
      log.debug(`Job '${this.label}' is done`, { durationMs });
    }
  }

  #timeOut(timeoutMs: number): void {
    this.#around.log.warn(`Job '${this.label}' has run for its limit of ${timeoutMs} ms and is told to end`, {
      code: 'JOB_TIMED_OUT',
      timeoutMs,
    });
    this.cancel('JOB_TIMED_OUT', `its limit of ${timeoutMs} ms has passed`);
  }
}

type WorkOutcome = 'done' | { readonly error: unknown };

async function settled(work: () => void | Promise<void>): Promise<WorkOutcome> {
  try {
    await work();
    return 'done';
  } catch (error) {
    return { error };
  }
}
