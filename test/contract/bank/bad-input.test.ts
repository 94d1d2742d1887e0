/** Bad input of money calls over HTTP, as data: each is told with code, field, found and expected, and leaves no row but the audit entry. */
import { strict as assert } from 'node:assert';
import { RouteTable } from '@sluice/sdk';
import mobileBundle from '../../../plugins/channel/mobile/activator.js';
import { DEMO_PASSWORD } from '../../../plugins/platform/customer/adapters/demo-seed.js';
import httpBundle from '../../../plugins/system/http/activator.js';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BankUnderTest, bankBundle, DIALECTS } from './bank-under-test.js';

interface Mistake {
  readonly path: string;
  readonly code: string;
  readonly found: string | null;
  readonly expected: string | null;
  readonly message: string;
}

/** Tables that a refused request must leave as they are. */
const TABLES = [
  'platform_txn_order',
  'platform_txn_counter',
  'platform_txn_counter_use',
  'core_ledger_journal',
  'core_ledger_leg',
  'core_ledger_hold',
  'sluice_outbox',
] as const;

const CONFIG = { 'system.http': { port: 0, host: '127.0.0.1' } };

type Body = Record<string, unknown>;
type Case = readonly [
  name: string,
  changes: (bank: BankUnderTest) => Body,
  mistakes: (bank: BankUnderTest) => readonly string[],
  key?: string | null,
];

/** `path code found expected`, one line for each mistake. */
const CASES: readonly Case[] = [
  ['no key', () => ({}), () => ['/headers/idempotency-key KEY_MISSING null 8-80'], null],
  ['a key of three characters', () => ({}), () => ['/headers/idempotency-key KEY_INVALID 3 8-80'], 'abc'],
  ['amount zero', () => ({ amount: '0.00' }), () => ['/body/amount AMOUNT_NOT_POSITIVE 0.00 0.01']],
  ['amount negative', () => ({ amount: '-1.00' }), () => ['/body/amount AMOUNT_NOT_POSITIVE -1.00 0.01']],
  ['three decimals', () => ({ amount: '1.005' }), () => ['/body/amount AMOUNT_TOO_FINE 1.005 2']],
  ['over 15 digits', () => ({ amount: '12345678901234.56' }), () => ['/body/amount AMOUNT_TOO_LONG 12345678901234.56 15']],
  ['a JSON number instead of text', () => ({ amount: 8.8 }), () => ['/body/amount FIELD_NOT_TEXT number text']],
  ['no amount', () => ({ amount: undefined }), () => ['/body/amount FIELD_MISSING null text']],
  ['no number at all', () => ({ amount: '1e3' }), () => ['/body/amount AMOUNT_NOT_DECIMAL 1e3 120.50']],
  ['a currency the bank does not keep', () => ({ currency: 'XXX' }), () => ['/body/currency CURRENCY_UNKNOWN XXX null']],
  ['an unknown account', () => ({ payeeAccountNo: '100199999999' }), () => ['/body/payeeAccountNo ACCOUNT_UNKNOWN 100199999999 null']],
  ['no account number', () => ({ payeeAccountNo: '../etc' }), () => ['/body/payeeAccountNo ACCOUNT_NUMBER_INVALID ../etc null']],
  ['a closed account', (b) => ({ payeeAccountNo: b.yuan(8) }), () => ['/body/payeeAccountNo ACCOUNT_CLOSED CLOSED OPEN']],
  ['a frozen account', (b) => ({ payerAccountNo: 'FROZEN-OF-FIRST', payeeAccountNo: b.yuan(1) }), () => ['/body/payerAccountNo ACCOUNT_FROZEN FROZEN OPEN']],
  ['a foreign account', (b) => ({ payerAccountNo: b.yuan(2) }), (b) => [`/body/payerAccountNo ACCOUNT_FOREIGN ${b.yuan(2)} null`]],
  ['an account of the bank', () => ({ payeeAccountNo: 'BANK-CASH-CNY' }), () => ['/body/payeeAccountNo ACCOUNT_UNKNOWN BANK-CASH-CNY null']],
  ['payer = payee', (b) => ({ payeeAccountNo: b.yuan(0) }), (b) => [`/body/payeeAccountNo SAME_ACCOUNT ${b.yuan(0)} null`]],
  ['31 February', () => ({ executionDate: '2027-02-31' }), () => ['/body/executionDate DATE_INVALID 2027-02-31 YYYY-MM-DD']],
  ['control characters in the narrative', () => ({ narrative: 'a\u0000b' }), () => ['/body/narrative FIELD_CONTROL_CHARACTER U+0000 null']],
  ['a narrative of 141 characters', () => ({ narrative: '长'.repeat(141) }), () => ['/body/narrative FIELD_TOO_LONG 141 140']],
  ['a field that is none', () => ({ memo: 'x' }), () => ['/body/memo FIELD_UNKNOWN memo null']],
  [
    'all of it at once',
    (b) => ({ amount: 7, payerAccountNo: b.yuan(2), payeeAccountNo: '100199999999', narrative: '\u202E', executionDate: 'soon', memo: 1 }),
    (b) => [
      '/headers/idempotency-key KEY_MISSING null 8-80',
      '/body/amount FIELD_NOT_TEXT number text',
      '/body/narrative FIELD_CONTROL_CHARACTER U+202E null',
      '/body/memo FIELD_UNKNOWN memo null',
      '/body/executionDate DATE_INVALID soon YYYY-MM-DD',
      `/body/payerAccountNo ACCOUNT_FOREIGN ${b.yuan(2)} null`,
      '/body/payeeAccountNo ACCOUNT_UNKNOWN 100199999999 null',
    ],
    null,
  ],
]; // prettier-ignore

for (const dialect of DIALECTS) {
  describe(`bad input over HTTP on ${dialect}`, () => {
    let bank: BankUnderTest;
    let base = '';
    let token = '';
    let calls = 0;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
      await bank.runtime.deploy(bankBundle('system.http', httpBundle, CONFIG));
      await bank.runtime.deploy(bankBundle('channel.mobile', mobileBundle));
      base = `${bank.runtime.service(RouteTable).addresses()[0]}/mobile`;
      const login = await post('/login', { login: 'c0001', password: DEMO_PASSWORD });
      token = login.body['token'] as string;
      await bank.data.execute(`UPDATE core_ledger_account SET state = 'CLOSED' WHERE account_no = ?`, [bank.yuan(8)]);
      const { customerNo } = bank.person(0);
      await bank.books.openAccounts([{ accountNo: 'FROZEN-OF-FIRST', customerNo, kind: 'CUSTOMER', title: '', currency: 'CNY' }]);
      await bank.books.setState('FROZEN-OF-FIRST', 'FROZEN');
    });
    after(() => bank?.stop());

    async function post(
      path: string,
      body: Body,
      key?: string | null,
      language = 'en',
    ): Promise<{ status: number; headers: Headers; body: Body; text: string }> {
      const headers = {
        'content-type': 'application/json',
        'accept-language': language,
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(key === undefined || key === null ? {} : { 'idempotency-key': key }),
      };
      const answer = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as Body };
    }
    const good = (): Body => ({ payerAccountNo: bank.yuan(0), payeeAccountNo: bank.yuan(1), amount: '1.00', currency: 'CNY' });
    const stopBundle = (name: string): Promise<unknown> => bank.runtime.kernel.stop(name, { actor: 'test' });
    const startBundle = (name: string): Promise<unknown> => bank.runtime.kernel.start(name, { actor: 'test' });
    const newKey = (): string => `bad-input-key-${(calls += 1)}`;
    const rows = (): Promise<readonly number[]> => Promise.all(TABLES.map((table) => bank.count(table)));
    const entries = async (): Promise<readonly string[]> =>
      (await bank.sql(`SELECT detail FROM platform_audit_entry WHERE action = 'order.invalid' ORDER BY entry_id`)).map(
        (row) => row.detail as string,
      );

    for (const [name, changes, expected, key] of CASES) {
      it(`${name}: told with field, found and expected; no row but the audit entry`, async () => {
        const [before, audited] = [await rows(), (await entries()).length];
        const answer = await post('/transfers', { ...good(), ...changes(bank) }, key === undefined ? newKey() : key);
        const errors = answer.body['errors'] as readonly Mistake[];
        assert.deepEqual(
          [answer.status, answer.body['code'], errors.map((error) => `${error.path} ${error.code} ${error.found} ${error.expected}`)],
          [422, 'INPUT_INVALID', expected(bank)],
          answer.text,
        );
        assert.ok(
          errors.every(({ message }) => message.length > 0 && !message.includes('{')),
          answer.text,
        );
        assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
        assert.deepEqual(await rows(), before);
        const after = await entries();
        assert.equal(after.length, audited + 1);
        assert.deepEqual(
          (JSON.parse(after.at(-1) as string) as { mistakes: { code: string }[] }).mistakes.map(({ code }) => code),
          errors.map(({ code }) => code),
        );
      });
    }

    it('a past date: the earliest date is named', async () => {
      const answer = await post('/transfers', { ...good(), executionDate: '2020-01-01' }, newKey());
      const [error] = answer.body['errors'] as readonly Mistake[];
      assert.deepEqual([answer.status, error?.code, error?.found], [422, 'DATE_PAST', '2020-01-01']);
      assert.match(error?.expected ?? '', /^20\d\d-\d\d-\d\d$/);
    });

    it('same key, other body: 409, and the first order stays what it was', async () => {
      const key = newKey();
      assert.equal((await post('/transfers', good(), key)).status, 201);
      const [before, audited] = [await rows(), (await entries()).length];
      const answer = await post('/transfers', { ...good(), amount: '2.00' }, key);
      assert.deepEqual([answer.status, answer.body['code']], [409, 'KEY_REUSED']);
      assert.deepEqual([await rows(), (await entries()).length], [before, audited + 1]);
    });

    it('a mended request passes under the same key: a mistake burns no key', async () => {
      const key = newKey();
      assert.equal((await post('/transfers', { ...good(), amount: '0' }, key)).status, 422);
      assert.equal((await post('/transfers', good(), key)).status, 201);
    });

    it('no session: 401 before anything is looked at', async () => {
      const kept = token;
      token = '';
      const before = await rows();
      const answer = await post('/transfers', { ...good(), amount: '0' }, newKey());
      token = kept;
      assert.deepEqual([answer.status, answer.body['code'], await rows()], [401, 'SESSION_INVALID', before]);
    });

    it('a part that is away: 503 with a retry hint, and no key burnt', async () => {
      const key = newKey();
      const before = await rows();
      await stopBundle('platform.policy');
      const answer = await post('/transfers', good(), key, 'zh-CN');
      assert.deepEqual(
        [answer.status, answer.body['code'], answer.body['detail'], answer.headers.get('retry-after')],
        [503, 'SERVICE_UNAVAILABLE', '系统暂时无法受理，请用同一个键稍后再试。', '1'],
      );
      assert.deepEqual(await rows(), before);
      await startBundle('platform.policy');
      assert.equal((await post('/transfers', good(), key)).status, 201);
    });

    it('IX4: the same refusals in Chinese, by Accept-Language', async () => {
      const mistakes = await post('/transfers', { ...good(), amount: '1.005' }, newKey(), 'zh-CN,zh;q=0.9,en;q=0.1');
      const [error] = mistakes.body['errors'] as readonly Mistake[];
      const poor = await post('/transfers', { ...good(), amount: '4000000.00' }, newKey(), 'zh');
      const reused = await post('/transfers', { ...good(), amount: '3.00' }, `bad-input-key-${calls}`, 'zh');
      assert.deepEqual(
        [mistakes.body['detail'], error?.message, poor.body['detail'], [reused.status, reused.body['detail']]],
        [
          '填写的内容有误，请更正后重试。',
          '金额小数位最多2位。',
          '账户可用余额不足以支付金额和手续费。',
          [409, '该幂等键已用于另一笔请求，请换用新的键。'],
        ],
      );
    });

    it('EX8: a transfer for a later date is answered 202, can be cancelled once or twice, and is told in words', async () => {
      const date = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
      const ordered = await post('/transfers', { ...good(), executionDate: date }, newKey());
      assert.deepEqual(
        [ordered.status, ordered.body['state'], ordered.body['executionDate'], ordered.body['stateText']],
        [202, 'SCHEDULED', date, 'Scheduled; the money is held, and you may cancel until it is executed.'],
      );
      const path = `/transfers/${String(ordered.body['orderNo'])}/cancellation`;
      for (let time = 0; time < 2; time += 1) {
        const cancelled = await post(path, {});
        assert.deepEqual([cancelled.status, cancelled.body['state']], [200, 'CANCELLED']);
      }
      const posted = await post('/transfers', good(), newKey());
      const late = await post(`/transfers/${String(posted.body['orderNo'])}/cancellation`, {}, null, 'zh');
      assert.deepEqual([late.status, late.body['code'], late.body['detail']], [409, 'ORDER_STATE', '这笔交易当前的状态不允许此操作。']);
      assert.equal((await post('/transfers/20261125-NONE/cancellation', {})).status, 404);
    });

    it('IX4: tells its functions as data, in the words of the client', async () => {
      const of = async (language: string): Promise<unknown> => {
        const answer = await fetch(`${base}/functions`, { headers: { 'accept-language': language } });
        const { functions } = (await answer.json()) as { functions: { title: string; fields: { name: string; label: string }[] }[] };
        return functions.map(({ title, fields }) => [title, fields.map(({ name, label }) => `${name}: ${label}`)]);
      };
      const names = ['payerAccountNo', 'payeeAccountNo', 'amount', 'currency', 'narrative', 'executionDate'];
      const labelled = (labels: readonly string[]): readonly string[] => labels.map((label, index) => `${names[index]}: ${label}`);
      assert.deepEqual(
        [await of('zh'), await of('en')],
        [
          [['单笔转账', labelled(['付款账户', '收款账户', '金额', '币种', '附言', '执行日期'])]],
          [['Single transfer', labelled(['From account', 'To account', 'Amount', 'Currency', 'Message', 'Date of execution'])]],
        ],
      );
      // A function goes with its bundle, and comes back with it.
      await stopBundle('business.transfer');
      assert.deepEqual(await of('en'), []);
      await startBundle('business.transfer');
    });
  });
}
