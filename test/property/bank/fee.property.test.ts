import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { feeFor, roundHalfUp, scaledDecimal } from '../../../plugins/platform/policy/domain/fee.js';

describe('fee', () => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 15n });
  const rate = fc.bigInt({ min: 0n, max: 1_000_000n });

  it('differs from the exact value by at most half a minor unit, and exactly half goes up', () => {
    fc.assert(
      fc.property(amount, rate, fc.bigInt({ min: 0n, max: 100_000n }), (amountMinor, perMilleThousandths, flatMinor) => {
        const exactMillionths = flatMinor * 1_000_000n + amountMinor * perMilleThousandths;
        const off = feeFor(amountMinor, { flatMinor, perMilleThousandths }) * 1_000_000n - exactMillionths;
        assert.ok(off > -500_000n && off <= 500_000n, `off by ${off} millionths`);
      }),
    );
  });

  it('never falls when the amount grows', () => {
    fc.assert(
      fc.property(amount, fc.bigInt({ min: 0n, max: 10n ** 12n }), rate, (less, more, perMilleThousandths) => {
        const schedule = { flatMinor: 0n, perMilleThousandths };
        assert.ok(feeFor(less, schedule) <= feeFor(less + more, schedule));
      }),
    );
  });

  const table: readonly (readonly [amount: bigint, flat: bigint, perMille: string, fee: bigint])[] = [
    [100_00n, 0n, '0', 0n],
    [100_00n, 2_00n, '0', 2_00n],
    [100_00n, 0n, '1', 10n],
    [1_04_99n, 0n, '1', 10n],
    [105_00n, 0n, '1', 11n],
    [105_00n, 50n, '1', 61n],
    [1n, 0n, '0.001', 0n],
    [333_33n, 0n, '1.5', 50n],
  ];
  for (const [amountMinor, flatMinor, perMille, fee] of table) {
    it(`${amountMinor} fen at ${flatMinor} fen and ${perMille} per mille cost ${fee} fen`, () => {
      assert.equal(feeFor(amountMinor, { flatMinor, perMilleThousandths: scaledDecimal(perMille, 3) }), fee);
    });
  }

  it('rounds half up once', () => {
    assert.deepEqual(
      [4n, 5n, 6n, 14n, 15n].map((numerator) => roundHalfUp(numerator, 10n)),
      [0n, 1n, 1n, 1n, 2n],
    );
  });

  it('refuses a rate finer than it can hold', () => {
    assert.throws(() => scaledDecimal('0.0001', 3), RangeError);
    assert.throws(() => scaledDecimal('-1', 3), RangeError);
  });
});
