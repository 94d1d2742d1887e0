/**
 * All health checks, run when somebody asks. Owned here: time limits, sharing of runs, grace. Leaves statuses to their own file.
 * Always holds: a report comes in bounded time whatever checks do; a check never runs twice at once, however many ask and however long it
 * hangs; a report never rejects.
 */
import {
  messageOf,
  type Clock,
  type HealthCheckService,
  type HealthReportEntry,
  type HealthResult,
  type HealthService,
  type ServiceView,
} from '@sluice/sdk';
import { afterGrace } from './grace.js';
import { isFailure, isStatus, worstOf } from './statuses.js';

/** What a report selects. */
export type Selection = NonNullable<Parameters<HealthService['report']>[0]>;

/** A report. */
export type Report = Awaited<ReturnType<HealthService['report']>>;

interface Known {
  readonly check: HealthCheckService;
  readonly view: ServiceView;
  readonly tags: readonly ('liveness' | 'readiness')[];
  /** Monotonic time of the first failure that no success followed. */
  failingSince: number | null;
  /** The run under way that still answers in time; shared by all who ask. */
  pending: Promise<HealthReportEntry> | null;
  /** Since when a run has not ended, also after its time limit. */
  runningSince: number | null;
}

const TEXT_LENGTH_MAX = 500;

/** Runs health checks. */
export class HealthChecks implements HealthService {
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimeout'>;
  readonly #known = new Map<number, Known>();
  #timeoutMs: number;

  /** @param timeoutMs time limit of checks that state none. */
  constructor(clock: Pick<Clock, 'monotonic' | 'setTimeout'>, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  setTimeoutMs(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
  }

  add(check: HealthCheckService, view: ServiceView): void {
    const tags = check.tags === undefined || check.tags.length === 0 ? (['readiness'] as const) : [...check.tags];
    this.#known.set(view.id, { check, view, tags, failingSince: null, pending: null, runningSince: null });
  }

  remove(view: ServiceView): void {
    this.#known.delete(view.id);
  }

  async report(select: Selection = {}): Promise<Report> {
    const chosen = [...this.#known.values()].filter(
      ({ tags, view }) =>
        (select.tag === undefined || tags.includes(select.tag)) && (select.bundle === undefined || view.bundle === select.bundle),
    );
    const checks = await Promise.all(chosen.map((known) => this.#entryOf(known)));
    checks.sort((a, b) => (`${a.bundle}/${a.name}` < `${b.bundle}/${b.name}` ? -1 : 1));
    return { status: worstOf(checks.map((check) => check.status)), checks };
  }

  #entryOf(known: Known): Promise<HealthReportEntry> {
    if (known.pending !== null) return known.pending;
    if (known.runningSince !== null) return Promise.resolve(this.#stillRunning(known, known.runningSince));
    const pending = this.#run(known).finally(() => (known.pending = null));
    known.pending = pending;
    return pending;
  }

  async #run(known: Known): Promise<HealthReportEntry> {
    const startedAt = this.#clock.monotonic();
    const limitMs = known.check.timeoutMs ?? this.#timeoutMs;
    const abort = new AbortController();
    let late: (result: HealthResult) => void = () => undefined;
    const limit = new Promise<HealthResult>((resolve) => (late = resolve));
    const timer = this.#clock.setTimeout(() => {
      late({ status: 'HEALTH_CHECK_ERROR', message: `did not answer within ${limitMs} ms` });
      abort.abort();
    }, limitMs);
    known.runningSince = startedAt;
    const work = answer(known.check, abort.signal).finally(() => (known.runningSince = null));
    const result = await Promise.race([work, limit]);
    timer.cancel();
    return this.#entry(known, result, this.#clock.monotonic() - startedAt);
  }

  #stillRunning(known: Known, since: number): HealthReportEntry {
    const runningMs = this.#clock.monotonic() - since;
    return this.#entry(known, { status: 'HEALTH_CHECK_ERROR', message: `its run of ${runningMs} ms ago has not ended` }, 0);
  }

  #entry(known: Known, result: HealthResult, durationMs: number): HealthReportEntry {
    const now = this.#clock.monotonic();
    if (!isFailure(result.status)) known.failingSince = null;
    else known.failingSince ??= now;
    return {
      ...result,
      status: afterGrace(result.status, known.check.graceMs, known.failingSince === null ? 0 : now - known.failingSince),
      bundle: known.view.bundle,
      name: known.check.name,
      tags: known.tags,
      durationMs,
    };
  }
}

async function answer(check: HealthCheckService, signal: AbortSignal): Promise<HealthResult> {
  try {
    const { status, message, details } = await check.check(signal);
    if (!isStatus(status))
      return { status: 'HEALTH_CHECK_ERROR', message: `answered with unknown status '${String(status).slice(0, 50)}'` };
    return { status, ...(message === undefined ? {} : { message: cut(message) }), ...(details === undefined ? {} : { details }) };
  } catch (error) {
    return { status: 'HEALTH_CHECK_ERROR', message: cut(messageOf(error)) };
  }
}

function cut(text: unknown): string {
  return String(text).slice(0, TEXT_LENGTH_MAX);
}
