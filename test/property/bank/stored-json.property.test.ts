import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { randomPool } from '../../../plugins/platform/txn/adapters/random-pool.js';
import { fromJson, plain, toJson } from '../../../plugins/platform/txn/domain/stored-json.js';

const SHAPE = { noNullPrototype: true } as const;

describe('orders as text', () => {
  it('every amount comes back with all its digits, wherever it stands', () => {
    const money = fc.record({ minor: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), currency: fc.constantFrom('CNY', 'USD') }, SHAPE);
    const order = fc.record(
      { amount: money, booking: fc.array(fc.record({ accountNo: fc.string(), money }, SHAPE)), narrative: fc.string() },
      SHAPE,
    );
    fc.assert(fc.property(order, (value) => assert.deepEqual(fromJson(toJson(value)), value)));
  });

  it('says the same as a replacer function would', () => {
    const json = fc.jsonValue();
    fc.assert(fc.property(json, (value) => assert.equal(toJson(value), JSON.stringify(value))));
    assert.equal(toJson({ a: [1n, { b: 2n }], c: null, d: undefined }), '{"a":["1",{"b":"2"}],"c":null}');
    assert.deepEqual(plain({ earned: 7n }), { earned: '7' });
  });
});

describe('random bytes for order numbers', () => {
  it('are given out once each, over many pages', () => {
    const take = randomPool();
    const seen = new Set(Array.from({ length: 5_000 }, () => Buffer.from(take(10)).toString('hex')));
    assert.equal(seen.size, 5_000);
  });
});
