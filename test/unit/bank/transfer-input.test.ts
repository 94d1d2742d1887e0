import { strict as assert } from 'node:assert';
import type { AccountView } from '@sluice/core-api';
import { checkAccounts, checkInput, mistakesOfPipeline } from '../../../plugins/business/transfer/domain/transfer-input.js';

const GOOD = {
  channel: 'test',
  customerNo: 'C1',
  key: 'key-of-the-test',
  payerAccountNo: '100100000012',
  payeeAccountNo: '100100000020',
  amount: '12.50',
  currency: 'CNY',
};
const TODAY = '2026-11-25';

function account(accountNo: string, customerNo: string | null, currency = 'CNY', state: AccountView['state'] = 'OPEN'): AccountView {
  const zero = { postedMinor: 0n, heldMinor: 0n, availableMinor: 0n, openedAt: 0 };
  return { accountNo, customerNo, kind: customerNo === null ? 'BANK' : 'CUSTOMER', title: '', currency, state, ...zero };
}

const ACCOUNTS = [
  account('100100000012', 'C1'),
  account('100100000020', 'C2'),
  account('USD', 'C2', 'USD'),
  account('BANK-CASH-CNY', null),
  account('CLOSED', 'C1', 'CNY', 'CLOSED'),
  account('FROZEN', 'C1', 'CNY', 'FROZEN'),
];

describe('what a customer enters for a transfer', () => {
  it('passes when everything is right', () => {
    const { key, payerAccountNo, payeeAccountNo } = GOOD;
    assert.deepEqual(checkInput(GOOD, TODAY), {
      transfer: { key, payerAccountNo, payeeAccountNo, money: { minor: 1250n, currency: 'CNY' }, narrative: '', executeOn: undefined },
      mistakes: [],
    });
    assert.equal(checkInput({ ...GOOD, executionDate: '2026-11-26' }, TODAY).transfer?.executeOn, '2026-11-26');
    assert.equal(checkInput({ ...GOOD, executionDate: TODAY }, TODAY).transfer?.executeOn, undefined);
    assert.deepEqual(checkAccounts(GOOD, 'C1', ACCOUNTS), []);
  });

  // Field, code, found, expected: what the dictionary's text is filled with.
  const table: readonly (readonly [name: string, entered: Record<string, unknown>, mistakes: readonly string[]])[] = [
    ['no key', { key: undefined }, ['key KEY_MISSING null 8-80']],
    ['a key too short', { key: 'short' }, ['key KEY_INVALID 5 8-80']],
    ['a key with a space', { key: 'has a space' }, ['key KEY_INVALID 11 8-80']],
    ['zero', { amount: '0' }, ['amount AMOUNT_NOT_POSITIVE 0 0.01']],
    ['negative', { amount: '-5' }, ['amount AMOUNT_NOT_POSITIVE -5 0.01']],
    ['three digits after the point', { amount: '5.001' }, ['amount AMOUNT_TOO_FINE 5.001 2']],
    ['sixteen digits', { amount: '99999999999999.99' }, ['amount AMOUNT_TOO_LONG 99999999999999.99 15']],
    ['no number', { amount: 'much' }, ['amount AMOUNT_NOT_DECIMAL much 120.50']],
    ['a JSON number', { amount: 12.5 }, ['amount FIELD_NOT_TEXT number text']],
    ['a list', { currency: ['CNY'] }, ['currency FIELD_NOT_TEXT array text']],
    ['nothing at all', { amount: null }, ['amount FIELD_MISSING null text']],
    ['unknown currency', { currency: 'ABC' }, ['currency CURRENCY_UNKNOWN ABC null']],
    ['unknown currency and no amount', { currency: 'ABC', amount: undefined }, ['amount FIELD_MISSING null text', 'currency CURRENCY_UNKNOWN ABC null']], // prettier-ignore
    ['same account', { payeeAccountNo: GOOD.payerAccountNo }, [`payeeAccountNo SAME_ACCOUNT ${GOOD.payerAccountNo} null`]],
    ['no account number', { payeeAccountNo: 'a b' }, ['payeeAccountNo ACCOUNT_NUMBER_INVALID a b null']],
    ['a narrative too long', { narrative: 'x'.repeat(141) }, ['narrative FIELD_TOO_LONG 141 140']],
    ['a control character', { narrative: 'rent\u0007' }, ['narrative FIELD_CONTROL_CHARACTER U+0007 null']],
    ['a mark that turns the writing', { narrative: 'a\u202Eb' }, ['narrative FIELD_CONTROL_CHARACTER U+202E null']],
    ['31 February', { executionDate: '2027-02-31' }, ['executionDate DATE_INVALID 2027-02-31 YYYY-MM-DD']],
    ['yesterday', { executionDate: '2026-11-24' }, ['executionDate DATE_PAST 2026-11-24 2026-11-25']],
    ['in two years', { executionDate: '2028-11-25' }, ['executionDate DATE_TOO_FAR 2028-11-25 2027-11-26']],
    ['a field that is none', { unknownFields: ['memo'] }, ['memo FIELD_UNKNOWN memo null']],
    [
      'everything at once',
      { key: undefined, payerAccountNo: '', payeeAccountNo: '', amount: '1.234', narrative: 7, executionDate: 'soon' },
      [
        'key KEY_MISSING null 8-80',
        'narrative FIELD_NOT_TEXT number text',
        'payerAccountNo ACCOUNT_NUMBER_INVALID  null',
        'payeeAccountNo ACCOUNT_NUMBER_INVALID  null',
        'payeeAccountNo SAME_ACCOUNT  null',
        'amount AMOUNT_TOO_FINE 1.234 2',
        'executionDate DATE_INVALID soon YYYY-MM-DD',
      ],
    ],
  ];
  for (const [name, entered, mistakes] of table) {
    it(`form: ${name}`, () => {
      const found = checkInput({ ...GOOD, ...entered }, TODAY);
      assert.deepEqual(
        found.mistakes.map(({ field, code, found: seen, expected }) => `${field} ${code} ${seen} ${expected}`),
        mistakes,
      );
      assert.equal(found.transfer, undefined);
    });
  }

  const accountTable: readonly (readonly [name: string, entered: Partial<typeof GOOD>, customerNo: string, mistakes: readonly string[]])[] =
    [
      ['unknown payer', { payerAccountNo: '9' }, 'C1', ['payerAccountNo ACCOUNT_UNKNOWN']],
      ['unknown payee', { payeeAccountNo: '9' }, 'C1', ['payeeAccountNo ACCOUNT_UNKNOWN']],
      ['payer of somebody else', {}, 'C3', ['payerAccountNo ACCOUNT_FOREIGN']],
      ['payee in another currency', { payeeAccountNo: 'USD' }, 'C1', ['payeeAccountNo CURRENCY_MISMATCH']],
      ['a closed payee', { payeeAccountNo: 'CLOSED' }, 'C1', ['payeeAccountNo ACCOUNT_CLOSED']],
      ['a frozen payer', { payerAccountNo: 'FROZEN' }, 'C1', ['payerAccountNo ACCOUNT_FROZEN']],
      ['a frozen payee may be paid', { payeeAccountNo: 'FROZEN' }, 'C1', []],
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
      { accountNo: GOOD.payerAccountNo, code: 'ACCOUNT_FOREIGN', found: GOOD.payerAccountNo, expected: null },
      { accountNo: GOOD.payeeAccountNo, code: 'CURRENCY_MISMATCH', found: 'CNY', expected: 'USD' },
    ]);
    assert.deepEqual(found, [
      { field: 'payerAccountNo', code: 'ACCOUNT_FOREIGN', found: GOOD.payerAccountNo, expected: null },
      { field: 'payeeAccountNo', code: 'CURRENCY_MISMATCH', found: 'CNY', expected: 'USD' },
    ]);
  });
});
