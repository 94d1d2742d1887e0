import { strict as assert } from 'node:assert';
import type { AccountView } from '@sluice/core-api';
import { checkAccounts, checkInput, mistakesOfPipeline } from '../../../plugins/business/transfer/domain/transfer-input.js';

const GOOD = { payerAccountNo: '100100000012', payeeAccountNo: '100100000020', amount: '12.50', currency: 'CNY' };

function account(accountNo: string, customerNo: string | null, currency = 'CNY'): AccountView {
  const zero = { postedMinor: 0n, heldMinor: 0n, availableMinor: 0n, openedAt: 0 };
  return { accountNo, customerNo, kind: customerNo === null ? 'BANK' : 'CUSTOMER', title: '', currency, state: 'OPEN', ...zero };
}

const ACCOUNTS = [
  account('100100000012', 'C1'),
  account('100100000020', 'C2'),
  account('USD', 'C2', 'USD'),
  account('BANK-CASH-CNY', null),
];

describe('what a customer enters for a transfer', () => {
  it('passes when everything is right', () => {
    assert.deepEqual(checkInput(GOOD), { money: { minor: 1250n, currency: 'CNY' }, mistakes: [] });
    assert.deepEqual(checkAccounts(GOOD, 'C1', ACCOUNTS), []);
  });

  const table: readonly (readonly [name: string, entered: Partial<typeof GOOD>, mistakes: readonly string[]])[] = [
    ['zero', { amount: '0' }, ['amount AMOUNT_NOT_POSITIVE']],
    ['negative', { amount: '-5' }, ['amount AMOUNT_NOT_POSITIVE']],
    ['three digits after the point', { amount: '5.001' }, ['amount AMOUNT_TOO_FINE']],
    ['sixteen digits', { amount: '99999999999999.99' }, ['amount AMOUNT_TOO_LONG']],
    ['no number', { amount: 'much' }, ['amount AMOUNT_NOT_DECIMAL']],
    ['unknown currency', { currency: 'ABC' }, ['currency CURRENCY_UNKNOWN']],
    ['same account', { payeeAccountNo: GOOD.payerAccountNo }, ['payeeAccountNo SAME_ACCOUNT']],
    ['no account number', { payeeAccountNo: 'a b' }, ['payeeAccountNo ACCOUNT_NUMBER_INVALID']],
    [
      'everything at once',
      { payerAccountNo: '', payeeAccountNo: '', amount: '1.234' },
      [
        'payerAccountNo ACCOUNT_NUMBER_INVALID',
        'payeeAccountNo ACCOUNT_NUMBER_INVALID',
        'payeeAccountNo SAME_ACCOUNT',
        'amount AMOUNT_TOO_FINE',
      ],
    ],
  ];
  for (const [name, entered, mistakes] of table) {
    it(`form: ${name}`, () => {
      const found = checkInput({ ...GOOD, ...entered }).mistakes;
      assert.deepEqual(
        found.map(({ field, code }) => `${field} ${code}`),
        mistakes,
      );
    });
  }

  const accountTable: readonly (readonly [name: string, entered: Partial<typeof GOOD>, customerNo: string, mistakes: readonly string[]])[] =
    [
      ['unknown payer', { payerAccountNo: '9' }, 'C1', ['payerAccountNo ACCOUNT_UNKNOWN']],
      ['unknown payee', { payeeAccountNo: '9' }, 'C1', ['payeeAccountNo ACCOUNT_UNKNOWN']],
      ['payer of somebody else', {}, 'C3', ['payerAccountNo ACCOUNT_FOREIGN']],
      ['payee in another currency', { payeeAccountNo: 'USD' }, 'C1', ['payeeAccountNo CURRENCY_MISMATCH']],
      ['the bank itself as payee', { payeeAccountNo: 'BANK-CASH-CNY' }, 'C1', ['payeeAccountNo ACCOUNT_UNKNOWN']],
      [
        'both in another currency',
        { payerAccountNo: 'USD', payeeAccountNo: 'USD' },
        'C2',
        ['payerAccountNo CURRENCY_MISMATCH', 'payeeAccountNo CURRENCY_MISMATCH'],
      ],
    ];
  for (const [name, entered, customerNo, mistakes] of accountTable) {
    it(`accounts: ${name}`, () => {
      const found = checkAccounts({ ...GOOD, ...entered }, customerNo, ACCOUNTS);
      assert.deepEqual(
        found.map(({ field, code }) => `${field} ${code}`),
        mistakes,
      );
    });
  }

  it('names the field of each mistake the pipeline found', () => {
    const found = mistakesOfPipeline(GOOD, [
      { accountNo: GOOD.payerAccountNo, code: 'ACCOUNT_FOREIGN', found: null, expected: 'an account of your own' },
      { accountNo: GOOD.payeeAccountNo, code: 'CURRENCY_MISMATCH', found: 'CNY', expected: 'USD' },
    ]);
    assert.deepEqual(found, [
      { field: 'payerAccountNo', code: 'ACCOUNT_FOREIGN', message: 'This is not an account of yours.' },
      { field: 'payeeAccountNo', code: 'CURRENCY_MISMATCH', message: 'The account is kept in another currency (USD).' },
    ]);
  });
});
