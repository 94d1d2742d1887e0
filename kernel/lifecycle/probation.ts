/**
 * Probation: whether a new revision does worse on live traffic than what it replaced. Pure; fed with entry outcomes.
 * A rolling baseline is kept for each bundle at all times, so that a swap needs no time of preparation.
 */
import type { EntryOutcome } from './entries.js';

/** Outcomes kept per bundle for the baseline. */
const BASELINE_MAX = 512;
/** Failures that must be seen before a verdict; one unlucky request is no proof. */
const FAILURES_MIN = 5;
/** How much the failure rate may rise over the baseline. */
const RATE_MARGIN = 0.05;
/** Entries needed before latency counts. */
const LATENCY_ENTRIES_MIN = 200;
/** How far the 99th percentile may rise: the larger of a factor and an addend. */
const LATENCY_FACTOR = 3;
const LATENCY_ADDEND_MS = 250;

/** Rolling window of one bundle's entries. */
class Window {
  readonly #failed: boolean[] = [];
  readonly #durations: number[] = [];
  #next = 0;

  add(failed: boolean, durationMs: number): void {
    this.#failed[this.#next] = failed;
    this.#durations[this.#next] = durationMs;
    this.#next = (this.#next + 1) % BASELINE_MAX;
  }

  summary(): WindowSummary {
    const entries = this.#failed.length;
    const failures = this.#failed.reduce((sum, failed) => sum + (failed ? 1 : 0), 0);
    return { entries, failures, p99Ms: percentile(this.#durations, 0.99) };
  }
}

/** What a window saw. */
export interface WindowSummary {
  readonly entries: number;
  readonly failures: number;
  readonly p99Ms: number;
}

function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Baselines of all bundles. */
export class Baselines {
  readonly #windows = new Map<string, Window>();

  add(outcome: EntryOutcome): void {
    let window = this.#windows.get(outcome.bundle);
    if (window === undefined) this.#windows.set(outcome.bundle, (window = new Window()));
    window.add(outcome.failed, outcome.durationMs);
  }

  /** Summary over a set of bundles. */
  of(bundles: ReadonlySet<string>): WindowSummary {
    let entries = 0;
    let failures = 0;
    let p99Ms = 0;
    for (const bundle of bundles) {
      const summary = this.#windows.get(bundle)?.summary();
      if (summary === undefined) continue;
      entries += summary.entries;
      failures += summary.failures;
      p99Ms = Math.max(p99Ms, summary.p99Ms);
    }
    return { entries, failures, p99Ms };
  }

  forget(bundle: string): void {
    this.#windows.delete(bundle);
  }
}

/** Why a trial failed. */
export interface TrialFailure {
  readonly reason: 'failures' | 'latency';
  readonly baseline: WindowSummary;
  readonly trial: WindowSummary;
}

/** One trial: counts the entries of the new generation in the bundles that can reach the new revision. */
export class Trial {
  readonly #baseline: WindowSummary;
  readonly #bundles: ReadonlySet<string>;
  readonly #fromGeneration: number;
  #entries = 0;
  #failures = 0;
  readonly #durations: number[] = [];

  constructor(baseline: WindowSummary, bundles: ReadonlySet<string>, fromGeneration: number) {
    this.#baseline = baseline;
    this.#bundles = bundles;
    this.#fromGeneration = fromGeneration;
  }

  /** Takes an outcome; returns why the trial failed as soon as it has. */
  add(outcome: EntryOutcome): TrialFailure | null {
    if (outcome.generation < this.#fromGeneration || !this.#bundles.has(outcome.bundle)) return null;
    this.#entries += 1;
    if (outcome.failed) this.#failures += 1;
    if (this.#durations.length < BASELINE_MAX) this.#durations.push(outcome.durationMs);
    if (outcome.failed && this.#failures >= FAILURES_MIN && this.#rate() > this.#allowedRate()) return this.#failure('failures');
    if (this.#entries === LATENCY_ENTRIES_MIN && this.#baseline.entries >= LATENCY_ENTRIES_MIN) {
      const allowed = Math.max(this.#baseline.p99Ms * LATENCY_FACTOR, this.#baseline.p99Ms + LATENCY_ADDEND_MS);
      if (percentile(this.#durations, 0.99) > allowed) return this.#failure('latency');
    }
    return null;
  }

  #rate(): number {
    return this.#failures / this.#entries;
  }

  #allowedRate(): number {
    const { entries, failures } = this.#baseline;
    return (entries === 0 ? 0 : (failures / entries) * 2) + RATE_MARGIN;
  }

  #failure(reason: TrialFailure['reason']): TrialFailure {
    return { reason, baseline: this.#baseline, trial: this.summary() };
  }

  summary(): WindowSummary {
    return { entries: this.#entries, failures: this.#failures, p99Ms: percentile(this.#durations, 0.99) };
  }
}
