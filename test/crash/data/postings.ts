/** The postings of the crash test and what must be true of them afterwards. */
import assert from 'node:assert/strict';
import { asBigint, type DataService } from '@sluice/sdk';

const ACCOUNTS = 10;
const OPENING = 1_000_000n;

/** Repeatable random numbers from 0 to 1 (a 32-bit multiplicative generator). */
export function randomFrom(seed: number): () => number {
  let state = (seed >>> 0) | 1;
  return () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Makes the tables with their opening balances. */
export async function prepare(data: DataService): Promise<void> {
  await data.execute('CREATE TABLE core_ledger_account (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))');
  await data.execute('CREATE TABLE core_ledger_transfer (transfer_key text PRIMARY KEY)');
  await data.execute('CREATE TABLE core_ledger_leg (transfer_key text NOT NULL, account bigint NOT NULL, amount bigint NOT NULL)');
  for (let id = 1; id <= ACCOUNTS; id += 1) await data.execute('INSERT INTO core_ledger_account VALUES (?, ?)', [id, OPENING]);
}

/** Posts one transfer with its two legs and an event. */
export async function post(data: DataService, key: string, random: () => number): Promise<void> {
  const from = 1 + Math.floor(random() * ACCOUNTS);
  const to = 1 + (from % ACCOUNTS);
  const amount = BigInt(1 + Math.floor(random() * 9));
  await data.unitOfWork(async (unit) => {
    await unit.query('SELECT id FROM core_ledger_account WHERE id IN (?, ?) ORDER BY id FOR UPDATE', [from, to]);
    await unit.execute('UPDATE core_ledger_account SET balance = balance - ? WHERE id = ?', [amount, from]);
    await unit.execute('INSERT INTO core_ledger_transfer VALUES (?)', [key]);
    await unit.execute('INSERT INTO core_ledger_leg VALUES (?, ?, ?), (?, ?, ?)', [key, from, -amount, key, to, amount]);
    await unit.execute('UPDATE core_ledger_account SET balance = balance + ? WHERE id = ?', [amount, to]);
    await unit.emit('bank/posted', String(from), key);
  });
}

/** Checks every invariant against the keys that were acknowledged; returns how many transfers there are. */
export async function check(data: DataService, acknowledged: readonly string[]): Promise<number> {
  const keys = (await data.query('SELECT transfer_key FROM core_ledger_transfer')).map((row) => String(row['transfer_key']));
  const recorded = new Set(keys);
  const legs = await data.query(
    'SELECT transfer_key, count(*) AS n, CAST(sum(amount) AS TEXT) AS net FROM core_ledger_leg GROUP BY transfer_key HAVING count(*) <> 2 OR sum(amount) <> 0',
  );
  const wrong = await data.query(
    `SELECT id FROM core_ledger_account WHERE balance <> ?
      + (SELECT CAST(COALESCE(sum(amount), 0) AS bigint) FROM core_ledger_leg WHERE account = core_ledger_account.id)`,
    [OPENING],
  );
  const [sums] = await data.query('SELECT CAST(sum(balance) AS TEXT) AS total FROM core_ledger_account');
  const [counts] = await data.query(
    'SELECT (SELECT count(DISTINCT transfer_key) FROM core_ledger_leg) AS legs, (SELECT count(*) FROM sluice_outbox) AS events',
  );
  assert.deepEqual(
    {
      acknowledgedButLost: acknowledged.filter((key) => !recorded.has(key)),
      halfTransfers: legs,
      balancesUnlikeTheirLegs: wrong,
      total: asBigint(sums?.['total']),
      withLegs: Number(counts?.['legs']),
      withEvents: Number(counts?.['events']),
    },
    {
      acknowledgedButLost: [],
      halfTransfers: [],
      balancesUnlikeTheirLegs: [],
      total: OPENING * BigInt(ACCOUNTS),
      withLegs: keys.length,
      withEvents: keys.length,
    },
  );
  return keys.length;
}
