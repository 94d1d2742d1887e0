import { strict as assert } from 'node:assert';
import { RouteTable } from '@sluice/sdk';
import mobileBundle from '../../../plugins/channel/mobile/activator.js';
import transferBundle from '../../../plugins/business/transfer/activator.js';
import { DEMO_PASSWORD } from '../../../plugins/platform/customer/adapters/demo-seed.js';
import httpBundle from '../../../plugins/system/http/activator.js';
import { BankUnderTest, bankBundle } from './bank-under-test.js';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
}

const CONFIG = { 'system.http': { port: 0, host: '127.0.0.1' }, 'channel.mobile': { demoDelay: true } };

describe('mobile channel over HTTP', () => {
  let bank: BankUnderTest;
  let base = '';
  let token = '';
  before(async () => {
    bank = await BankUnderTest.start('sqlite');
    await bank.runtime.deploy(bankBundle('system.http', httpBundle, CONFIG));
    await bank.runtime.deploy(bankBundle('channel.mobile', mobileBundle, CONFIG));
    base = `${bank.runtime.service(RouteTable).addresses()[0]}/mobile`;
    token = (await call('POST', '/login', { body: { login: 'c0001', password: DEMO_PASSWORD }, token: null })).body.token as string;
  });
  after(() => bank?.stop());

  async function call(
    method: string,
    path: string,
    options: { body?: unknown; key?: string; token?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const bearer = options.token === undefined ? token : options.token;
    const response = await fetch(base + path, {
      method,
      headers: {
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: text === '' ? undefined : JSON.parse(text) };
  }

  const transfer = (
    key: string | undefined,
    changes: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> =>
    call('POST', '/transfers', {
      body: { payerAccountNo: bank.yuan(0), payeeAccountNo: bank.yuan(1), amount: '8.80', currency: 'CNY', narrative: '红包', ...changes },
      headers,
      ...(key === undefined ? {} : { key }),
    });

  it('says without a login that it is up, and who serves', async () => {
    const status = await call('GET', '/status', { token: null });
    assert.deepEqual([status.status, status.body], [200, { status: 'up', channel: 'channel.mobile@1.0.0' }]);
    const version = await call('GET', '/version', { token: null });
    const transferVersion = 'business.transfer@1.0.0';
    assert.deepEqual(version.body, { channel: 'channel.mobile@1.0.0', transfer: transferVersion, transferAgain: transferVersion });
  });

  it('refuses a wrong password and tells nothing about names', async () => {
    const wrong = await call('POST', '/login', { body: { login: 'c0002', password: 'wrong' }, token: null });
    const nobody = await call('POST', '/login', { body: { login: 'nobody', password: 'wrong' }, token: null });
    assert.deepEqual(
      [wrong.status, wrong.body.code, wrong.headers.get('content-type')],
      [401, 'LOGIN_REFUSED', 'application/problem+json'],
    );
    assert.equal(wrong.text, nobody.text);
  });

  for (const [method, path] of [
    ['GET', '/accounts'],
    ['GET', '/accounts/100100000015/history'],
    ['GET', '/transfers/20261125-X'],
    ['POST', '/transfers/20261125-X/reversal'],
  ] as const) {
    // prettier-ignore
    it(`${method} ${path} needs a session`, async () => {
      for (const bad of [null, 'A'.repeat(43), 'short']) {
        const answer = await call(method, path, { token: bad, key: 'needs-session' });
        assert.deepEqual([answer.status, answer.body.code], [401, 'SESSION_INVALID']);
      }
    });
  }

  it('shows accounts and balances as decimal text', async () => {
    const { status, body } = await call('GET', '/accounts');
    const [account] = bank.person(0).accounts;
    assert.equal(status, 200);
    assert.deepEqual(
      body.accounts.map((shown: { accountNo: string; currency: string; balance: string }) => [
        shown.accountNo,
        shown.currency,
        shown.balance,
      ]),
      [[account?.accountNo, 'CNY', `${(account?.openingMinor as bigint) / 100n}.00`]],
    );
  });

  it('transfers, shows the order, and shows the entry in the history', async () => {
    const answer = await transfer('mobile-first-one');
    assert.equal(answer.status, 201, answer.text);
    const { orderNo, receivedAt: _at, businessDate: _date, ...order } = answer.body as Record<string, unknown>;
    assert.deepEqual(order, {
      state: 'POSTED',
      stateText: 'Done.',
      executionDate: null,
      payerAccountNo: bank.yuan(0),
      payeeAccountNo: bank.yuan(1),
      amount: '8.80',
      fee: '0.00',
      currency: 'CNY',
      narrative: '红包',
      originalOrderNo: null,
      refusalCode: null,
      servedBy: 'business.transfer@1.0.0',
    });
    assert.deepEqual((await call('GET', `/transfers/${orderNo}`)).body, answer.body);
    const history = await call('GET', `/accounts/${bank.yuan(0)}/history?limit=1`);
    assert.deepEqual(
      history.body.entries.map((entry: Record<string, unknown>) => [
        entry['side'],
        entry['amount'],
        entry['counterAccountNo'],
        entry['orderNo'],
      ]),
      [['DEBIT', '8.80', bank.yuan(1), orderNo]],
    );
    assert.equal((await call('GET', `/accounts/${bank.yuan(1)}/history`)).status, 404);
  });

  it('20 requests at once with one key get the same bytes, one of them not marked as repeated', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => transfer('mobile-same-key')));
    assert.deepEqual([new Set(answers.map((answer) => answer.text)).size, answers[0]?.status], [1, 201]);
    assert.equal(answers.filter((answer) => answer.headers.get('idempotency-replayed') === null).length, 1);
  });

  it('a refused transfer is a problem that names the order, the same each time', async () => {
    const [first, second] = [
      await transfer('mobile-too-much', { amount: '900000' }),
      await transfer('mobile-too-much', { amount: '900000' }),
    ];
    const { instance, orderNo, ...body } = first.body as Record<string, unknown>;
    assert.equal(instance, `urn:sluice:order:${String(orderNo)}`);
    assert.deepEqual(
      [first.status, body],
      [
        422,
        {
          type: 'urn:sluice:error:INSUFFICIENT_FUNDS',
          title: 'The account does not have enough money for this order.',
          status: 422,
          code: 'INSUFFICIENT_FUNDS',
          detail: 'The account does not have enough money for this order.',
          slot: 'core',
          details: { accountNo: bank.yuan(0) },
          servedBy: 'business.transfer@1.0.0',
        },
      ],
    );
    assert.deepEqual([second.text, second.headers.get('idempotency-replayed')], [first.text, 'true']);
  });

  it('lists all mistakes of a request at once', async () => {
    const answer = await transfer('mobile-mistakes', { amount: '1.001', payeeAccountNo: '1' });
    assert.deepEqual(
      [answer.status, answer.body.code, answer.body.errors.map((error: { path: string; code: string }) => `${error.path} ${error.code}`)],
      [422, 'INPUT_INVALID', ['/body/amount AMOUNT_TOO_FINE', '/body/payeeAccountNo ACCOUNT_UNKNOWN']],
    );
  });

  it('takes an amount as text only: a JSON number may have lost digits already', async () => {
    assert.deepEqual(
      [(await transfer('mobile-number', { amount: 8.8 })).status, (await transfer('mobile-extra', { memo: 'x' })).status],
      [422, 422],
    );
  });

  it('refuses money without a key of the client, and a key used otherwise', async () => {
    const without = await transfer(undefined);
    assert.deepEqual([without.status, without.body.code], [422, 'INPUT_INVALID']);
    await transfer('mobile-used-key');
    const reused = await transfer('mobile-used-key', { amount: '9.90' });
    assert.deepEqual([reused.status, reused.body.code], [409, 'KEY_REUSED']);
  });

  it('reverses on a demo, and only there', async () => {
    const { orderNo } = (await transfer('mobile-to-undo')).body as { orderNo: string };
    const reversed = await call('POST', `/transfers/${orderNo}/reversal`, { key: 'mobile-undo-key' });
    assert.deepEqual(
      [reversed.status, reversed.body.originalOrderNo, (await call('GET', `/transfers/${orderNo}`)).body.state],
      [201, orderNo, 'REVERSED'],
    );
    assert.equal((await call('POST', '/transfers/20261125-NONE/reversal', { key: 'mobile-undo-none' })).status, 404);
    await bank.runtime.deploy(bankBundle('channel.mobile', mobileBundle, { 'channel.mobile': { demoReversal: false } }, '1.0.1'));
    const closed = await call('POST', `/transfers/${orderNo}/reversal`, { key: 'mobile-undo-shut' });
    assert.deepEqual([closed.status, closed.body.code], [403, 'REVERSAL_CLOSED']);
    await bank.runtime.deploy(bankBundle('channel.mobile', mobileBundle, CONFIG, '1.0.2'));
  });

  it('a request that began before a swap of the transfer bundle is served by the old one to its end', async () => {
    const slow = transfer('mobile-over-swap', {}, { 'x-demo-delay-ms': '400' });
    const begun = await transfer('mobile-before-swap');
    await bank.runtime.deploy(bankBundle('business.transfer', transferBundle, {}, '1.1.0'));
    const after = await transfer('mobile-after-swap');
    assert.deepEqual(
      [begun.body.servedBy, (await slow).body.servedBy, after.body.servedBy],
      ['business.transfer@1.0.0', 'business.transfer@1.0.0', 'business.transfer@1.1.0'],
    );
  });

  it('serves every request while the transfer bundle is swapped ten times, and none sees two versions', async () => {
    const load = { isRunning: true };
    let served = 0;
    const clients = Array.from({ length: 4 }, async (_unused, client) => {
      for (let round = 0; load.isRunning; round += 1) {
        const [order, version] = await Promise.all([
          transfer(`mobile-load-${client}-${round}`, { amount: '0.01' }),
          call('GET', '/version'),
        ]);
        assert.deepEqual(
          [order.status, version.status, version.body.transfer === version.body.transferAgain],
          [201, 200, true],
          order.text + version.text,
        );
        served += 1;
      }
    });
    for (let swap = 0; swap < 10; swap += 1) await bank.runtime.deploy(bankBundle('business.transfer', transferBundle, {}, `1.2.${swap}`));
    load.isRunning = false;
    await Promise.all(clients);
    assert.ok(served > 0);
    const { unbalancedJournals, differingAccounts } = await bank.ledger.verify();
    assert.deepEqual([unbalancedJournals, differingAccounts], [[], []]);
  });

  it('after the logout the token is worth nothing', async () => {
    assert.equal((await call('POST', '/logout')).status, 204);
    assert.equal((await call('GET', '/accounts')).status, 401);
  });
});
