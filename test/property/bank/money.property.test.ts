import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { CURRENCY_EXPONENTS, ENTERED_DIGITS_MAX, exponentOf, formatAmount, parseAmount } from '@sluice/core-api';

const currency = fc.constantFrom(...Object.keys(CURRENCY_EXPONENTS));
const entered = fc.bigInt({ min: 1n, max: 10n ** BigInt(ENTERED_DIGITS_MAX) - 1n });

describe('amounts', () => {
  it('every amount that can be entered is written and read back without losing a digit', () => {
    fc.assert(
      fc.property(currency, entered, (code, minor) => {
        assert.deepEqual(parseAmount(formatAmount({ minor, currency: code }), code), { ok: true, money: { minor, currency: code } });
      }),
    );
  });

  it('writes exactly the digits of the currency', () => {
    fc.assert(
      fc.property(currency, fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), (code, minor) => {
        const fraction = formatAmount({ minor, currency: code }).split('.')[1] ?? '';
        assert.equal(fraction.length, exponentOf(code));
      }),
    );
  });

  it('reads nothing but positive decimals: any text is an amount or has a named mistake', () => {
    fc.assert(
      fc.property(fc.string(), currency, (text, code) => {
        const result = parseAmount(text, code);
        if (result.ok) assert.match(text, /^[0-9]+(\.[0-9]+)?$/);
        else assert.match(result.mistake, /^AMOUNT_/);
      }),
    );
  });

  const refused: readonly (readonly [text: string, currency: string, mistake: string])[] = [
    ['0', 'CNY', 'AMOUNT_NOT_POSITIVE'],
    ['0.00', 'CNY', 'AMOUNT_NOT_POSITIVE'],
    ['-1', 'CNY', 'AMOUNT_NOT_POSITIVE'],
    ['-0', 'CNY', 'AMOUNT_NOT_POSITIVE'],
    ['1.234', 'CNY', 'AMOUNT_TOO_FINE'],
    ['1.0', 'JPY', 'AMOUNT_TOO_FINE'],
    ['1.2345', 'KWD', 'AMOUNT_TOO_FINE'],
    ['10000000000000', 'CNY', 'AMOUNT_TOO_LONG'],
    ['', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    [' 1', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['1e3', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['1,000', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['.5', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['5.', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['+5', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['0x10', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['١', 'CNY', 'AMOUNT_NOT_DECIMAL'],
    ['5', 'XXX', 'CURRENCY_UNKNOWN'],
    ['5', 'toString', 'CURRENCY_UNKNOWN'],
  ];
  for (const [text, code, mistake] of refused) {
    it(`refuses '${text}' in ${code}: ${mistake}`, () => assert.deepEqual(parseAmount(text, code), { ok: false, mistake }));
  }

  it('takes leading zeros, and the longest amount', () => {
    assert.deepEqual(parseAmount('007.5', 'CNY'), { ok: true, money: { minor: 750n, currency: 'CNY' } });
    assert.deepEqual(parseAmount('9999999999999.99', 'CNY'), { ok: true, money: { minor: 999_999_999_999_999n, currency: 'CNY' } });
  });
});
