import { strict as assert } from 'node:assert';
import { VirtualClock } from '@sluice/kernel/testing';
import type { SubmitResult } from '@sluice/pipeline-api';
import { RunningKeys, SAME_KEY_WAIT_MS } from '../../../plugins/platform/txn/running-keys.js';
import { orderNumber, wallDateOf, requestHash } from '../../../plugins/platform/txn/domain/identity.js';

const ANSWER = { outcome: 'posted', replay: false, order: { orderNo: 'O1' } } as unknown as SubmitResult;

function held(): { promise: Promise<SubmitResult>; resolve(value: SubmitResult): void; reject(error: Error): void } {
  let resolve!: (value: SubmitResult) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<SubmitResult>((done, failed) => ([resolve, reject] = [done, failed]));
  return { promise, resolve, reject };
}

describe('requests with one key', () => {
  it('run once; the others get the same answer, marked', async () => {
    const clock = new VirtualClock();
    const keys = new RunningKeys(clock);
    const first = held();
    let runs = 0;
    const once = (): Promise<SubmitResult> =>
      keys.once('mobile', 'k', 'h', () => {
        runs += 1;
        return first.promise;
      });
    const all = [once(), once(), once()];
    first.resolve(ANSWER);
    assert.deepEqual(await Promise.all(all), [ANSWER, { ...ANSWER, replay: true }, { ...ANSWER, replay: true }]);
    assert.deepEqual([runs, clock.pending], [1, 0]);
  });

  it('that wait too long are told to come back, and how soon', async () => {
    const clock = new VirtualClock();
    const keys = new RunningKeys(clock);
    const first = held();
    const running = keys.once('mobile', 'k', 'h', () => first.promise);
    const waiting = assert.rejects(
      keys.once('mobile', 'k', 'h', () => first.promise),
      {
        code: 'KEY_BUSY',
        httpStatus: 409,
        retryable: true,
        details: { channel: 'mobile', key: 'k', retryAfterSeconds: 1 },
      },
    );
    await clock.advance(SAME_KEY_WAIT_MS);
    await waiting;
    first.resolve(ANSWER);
    assert.equal(await running, ANSWER);
  });

  it('fail together, and leave the key free', async () => {
    const keys = new RunningKeys(new VirtualClock());
    const first = held();
    const all = [keys.once('c', 'k', 'h', () => first.promise), keys.once('c', 'k', 'h', () => first.promise)];
    first.reject(new Error('no database'));
    for (const result of all) await assert.rejects(result, /no database/);
    assert.equal(await keys.once('c', 'k', 'other', async () => ANSWER), ANSWER);
  });

  it('for different wishes are refused while the first one runs; other channels are not touched', async () => {
    const keys = new RunningKeys(new VirtualClock());
    const first = held();
    const running = keys.once('c', 'k', 'h', () => first.promise);
    await assert.rejects(
      keys.once('c', 'k', 'other', async () => ANSWER),
      { code: 'KEY_REUSED' },
    );
    assert.equal(await keys.once('d', 'k', 'other', async () => ANSWER), ANSWER);
    first.resolve(ANSWER);
    await running;
  });
});

describe('numbers, dates and fingerprints of orders', () => {
  it('the business day begins at midnight in UTC+8', () => {
    assert.deepEqual(
      [wallDateOf(Date.UTC(2026, 10, 24, 15, 59, 59, 999)), wallDateOf(Date.UTC(2026, 10, 24, 16))],
      ['2026-11-24', '2026-11-25'],
    );
  });

  it('order numbers ascend with time and hold no letter that is mistaken for a digit', () => {
    const moments = [0, 1, 999, 60_000, 86_399_999, 86_400_000].map((ms) => Date.UTC(2026, 10, 24, 16) + ms);
    const numbers = moments.map((at) => orderNumber(at, new Uint8Array(10).fill(31)));
    assert.deepEqual(numbers, [...numbers].sort());
    assert.equal(numbers[0], '20261125-000000ZZZZZZZZZZ');
    assert.ok(numbers.every((number) => /^[0-9]{8}-[0-9A-HJKMNP-TV-Z]{16}$/.test(number)));
  });

  it('a fingerprint is of what the customer wants, each part of it', () => {
    const base = {
      channel: 'm',
      function: 'transfer.single',
      customerNo: 'C1',
      payerAccountNo: 'A',
      payeeAccountNo: 'B',
      amount: { minor: 1n, currency: 'CNY' },
      narrative: 'n',
    };
    const changes: readonly Partial<typeof base>[] = [
      { channel: 'x' },
      { function: 'x' },
      { customerNo: 'x' },
      { payerAccountNo: 'x' },
      { payeeAccountNo: 'x' },
      { narrative: 'x' },
      { amount: { minor: 2n, currency: 'CNY' } },
      { amount: { minor: 1n, currency: 'USD' } },
    ];
    const hashes = [base, ...changes.map((change) => ({ ...base, ...change }))].map((request) => requestHash(request));
    assert.equal(new Set(hashes).size, hashes.length);
    assert.equal(requestHash({ ...base }), hashes[0]);
  });
});
