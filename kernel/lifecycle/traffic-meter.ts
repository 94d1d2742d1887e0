/**
 * Counts the entries that ended, by bundle and kind, with a histogram of their durations. On the path of every request, so it allocates
 * nothing once a bundle is known. Always holds: figures only grow, until a bundle is forgotten.
 */
import type { EntryFigures, EntryKind } from '@sluice/sdk';
import type { EntryOutcome } from './entries.js';

/** Buckets per doubling of the duration: a percentile read from them is at most a quarter too high. */
const PER_OCTAVE = 4;
/** 5 us: below it the quarters are no whole microseconds. */
const SHORTEST_US = 5;
/** Up to 36 minutes. */
const OCTAVES = 31;

interface Meter {
  ended: number;
  failed: number;
  totalMs: number;
  readonly buckets: Uint32Array;
}

/** Meters by bundle and kind. */
export class TrafficMeter {
  readonly #bundles = new Map<string, Partial<Record<EntryKind, Meter>>>();

  add({ bundle, kind, failed, durationMs }: EntryOutcome): void {
    let kinds = this.#bundles.get(bundle);
    if (kinds === undefined) this.#bundles.set(bundle, (kinds = {}));
    const meter = (kinds[kind] ??= { ended: 0, failed: 0, totalMs: 0, buckets: new Uint32Array(OCTAVES * PER_OCTAVE) });
    meter.ended += 1;
    if (failed) meter.failed += 1;
    meter.totalMs += durationMs;
    const bucket = bucketOf(durationMs);
    meter.buckets[bucket] = (meter.buckets[bucket] as number) + 1;
  }

  /** Figures of one bundle, over all its revisions. */
  of(bundle: string): readonly EntryFigures[] {
    const kinds = this.#bundles.get(bundle) ?? {};
    return Object.entries(kinds).map(([kind, { ended, failed, totalMs, buckets }]) => ({
      kind: kind as EntryKind,
      ended,
      failed,
      totalMs,
      buckets: [...buckets].flatMap((count, bucket) => (count === 0 ? [] : [[boundMs(bucket), count] as const])),
    }));
  }

  /** The bundle is gone. */
  forget(bundle: string): void {
    this.#bundles.delete(bundle);
  }
}

/** Whole microseconds: the highest bit is the octave, the two bits below it the quarter. */
function bucketOf(durationMs: number): number {
  const us = Math.min(0x7f_ff_ff_ff, Math.max(SHORTEST_US, Math.ceil(durationMs * 1_000)));
  // A duration on a bound belongs below it.
  const octave = 31 - Math.clz32(us - 1);
  return Math.min(OCTAVES * PER_OCTAVE - 1, octave * PER_OCTAVE + (((us - 1) >> (octave - 2)) & 3));
}

/** Highest duration that falls into a bucket, in milliseconds. */
function boundMs(bucket: number): number {
  const octave = Math.floor(bucket / PER_OCTAVE);
  return (2 ** octave * (1 + ((bucket % PER_OCTAVE) + 1) / PER_OCTAVE)) / 1_000;
}
