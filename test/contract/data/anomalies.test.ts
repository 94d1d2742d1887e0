import assert from 'node:assert/strict';
import { asBigint, type UnitOfWorkOptions } from '@sluice/sdk';
import type { BundleDataService } from '../../../plugins/system/data/adapters/data-service.js';
import { codeOfRejection, onEachDatabase } from './databases.js';

const ACCOUNTS = 10;
const OPENING = 1_000n;
const UNITS = 400;

onEachDatabase('fifty clients on ten hot accounts', (fresh) => {
  for (const isolation of ['read-committed', 'serializable'] as const) {
    it(`keep the total at every read and every balance at or above zero (${isolation})`, async function () {
      this.timeout(60_000);
      const data = await withAccounts(
        await fresh({ settings: { lockTimeoutMs: 10_000, statementTimeoutMs: 10_000 } }).then((database) =>
          database.service('core.ledger'),
        ),
      );
      const transfers = { running: true };
      const totals: bigint[] = [];
      const reader = (async () => {
        while (transfers.running) totals.push(await total(data));
      })();
      let left = UNITS;
      const refused = { funds: 0 };
      const client = async (): Promise<void> => {
        while (left-- > 0) await transfer(data, refused, { isolation, attemptsMax: 100, timeoutMs: 30_000 });
      };
      await Promise.all(Array.from({ length: 50 }, client));
      transfers.running = false;
      await reader;
      const balances = await data.query('SELECT balance FROM core_ledger_account');
      assert.deepEqual([...new Set(totals)], [OPENING * BigInt(ACCOUNTS)]);
      assert.equal(await total(data), OPENING * BigInt(ACCOUNTS));
      assert.ok(balances.every((row) => asBigint(row['balance']) >= 0n));
      const [legs] = await data.query('SELECT count(*) AS legs FROM core_ledger_leg');
      assert.equal(Number(legs?.['legs']), 2 * (UNITS - refused.funds));
    });
  }

  it('let exactly ten of a hundred takes of a tenth of the limit through', async () => {
    const database = await fresh({ settings: { lockTimeoutMs: 10_000, statementTimeoutMs: 10_000 } });
    const data = database.service('platform.limit');
    await data.execute('CREATE TABLE platform_limit_use (id bigint PRIMARY KEY, used bigint NOT NULL, ceiling bigint NOT NULL)');
    await data.execute('INSERT INTO platform_limit_use VALUES (1, 0, ?)', [10n ** 17n]);
    const take = 'UPDATE platform_limit_use SET used = used + ? WHERE id = 1 AND used + ? <= ceiling';
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () =>
        codeOfRejection(
          data.unitOfWork(async (unit) => {
            if ((await unit.execute(take, [10n ** 16n, 10n ** 16n])) === 0) throw new Error('limit exceeded');
          }),
        ),
      ),
    );
    const [row] = await data.query('SELECT used FROM platform_limit_use');
    assert.equal(outcomes.filter((outcome) => outcome === 'fulfilled').length, 10);
    assert.equal(outcomes.filter((outcome) => outcome === 'limit exceeded').length, 90);
    assert.equal(asBigint(row?.['used']), 10n ** 17n);
  });
});

async function withAccounts(data: BundleDataService): Promise<BundleDataService> {
  await data.execute('CREATE TABLE core_ledger_account (id bigint PRIMARY KEY, balance bigint NOT NULL)');
  await data.execute('CREATE TABLE core_ledger_leg (account bigint NOT NULL, amount bigint NOT NULL)');
  for (let id = 1; id <= ACCOUNTS; id += 1) await data.execute('INSERT INTO core_ledger_account VALUES (?, ?)', [id, OPENING]);
  return data;
}

/** Locks in id order, checks, moves. Read-committed without the lock would lose updates, and the totals would show it. */
async function transfer(data: BundleDataService, refused: { funds: number }, options: UnitOfWorkOptions): Promise<void> {
  const from = 1 + Math.floor(Math.random() * ACCOUNTS);
  const to = 1 + (from % ACCOUNTS);
  const amount = BigInt(1 + Math.floor(Math.random() * 600));
  try {
    await data.unitOfWork(async (unit) => {
      const rows = await unit.query('SELECT id, balance FROM core_ledger_account WHERE id IN (?, ?) ORDER BY id FOR UPDATE', [from, to]);
      const balances = new Map(rows.map((row) => [Number(row['id']), asBigint(row['balance'])]));
      const available = balances.get(from) as bigint;
      if (available < amount) throw new Error('no funds');
      await unit.execute('UPDATE core_ledger_account SET balance = ? WHERE id = ?', [available - amount, from]);
      await unit.execute('UPDATE core_ledger_account SET balance = ? WHERE id = ?', [(balances.get(to) as bigint) + amount, to]);
      await unit.execute('INSERT INTO core_ledger_leg VALUES (?, ?), (?, ?)', [from, -amount, to, amount]);
    }, options);
  } catch (error) {
    if ((error as Error).message !== 'no funds') throw error;
    refused.funds += 1;
  }
}

async function total(data: BundleDataService): Promise<bigint> {
  const [row] = await data.query('SELECT CAST(sum(balance) AS TEXT) AS total FROM core_ledger_account');
  return asBigint(row?.['total']);
}
