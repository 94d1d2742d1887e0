/**
 * Requests under way in this process, by channel and key. A second request with a key waits for the answer of the first,
 * for a bounded time. Across processes and revisions the database's unique index does the same.
 */
import { SluiceError, type Clock } from '@sluice/sdk';
import { PipelineErrors, type SubmitResult } from '@sluice/pipeline-api';

/** Longest wait of a second request for the first one's answer. */
export const SAME_KEY_WAIT_MS = 5_000;

interface Running {
  readonly hash: string;
  readonly result: Promise<SubmitResult>;
}

/** Keeps one run per key. */
export class RunningKeys {
  private readonly running = new Map<string, Running>();

  constructor(private readonly clock: Pick<Clock, 'setTimeout'>) {}

  /**
   * Runs `work`, or waits for the run under way with the same key and request.
   * @throws SluiceError `KEY_REUSED` for another request, `KEY_BUSY` when the first one takes too long; else what the first one threw.
   */
  async once(channel: string, key: string, hash: string, work: () => Promise<SubmitResult>): Promise<SubmitResult> {
    const id = `${channel}\n${key}`;
    const first = this.running.get(id);
    if (first !== undefined) {
      if (first.hash !== hash) throw keyReused(channel, key);
      const result = await this.bounded(first.result, channel, key);
      return result.outcome === 'invalid' ? result : { ...result, replay: true };
    }
    const result = work();
    this.running.set(id, { hash, result });
    try {
      return await result;
    } finally {
      this.running.delete(id);
    }
  }

  private bounded(result: Promise<SubmitResult>, channel: string, key: string): Promise<SubmitResult> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.setTimeout(() => reject(keyBusy(channel, key)), SAME_KEY_WAIT_MS);
      result.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** The error for a key that was used for another request. */
export function keyReused(channel: string, key: string): SluiceError {
  return new SluiceError(
    PipelineErrors.keyReused,
    `Order not executed: idempotency key '${key}' was used on channel '${channel}' for another request`,
    {
      details: { channel, key },
      remedy: 'Use a new key for a new request; repeat a request unchanged.',
      httpStatus: 409,
    },
  );
}

function keyBusy(channel: string, key: string): SluiceError {
  return new SluiceError(
    PipelineErrors.keyBusy,
    `No answer yet: the request with idempotency key '${key}' on channel '${channel}' is still running after ${SAME_KEY_WAIT_MS} ms`,
    {
      details: { channel, key, retryAfterSeconds: 1 },
      remedy: 'Send the same request with the same key again in a second.',
      retryable: true,
      httpStatus: 409,
    },
  );
}
