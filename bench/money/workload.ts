/**
 * The workload of the money bench: lock two of 10,000 accounts in id order, check, two updates, one transfer, two postings, commit.
 * Owns the schema, the statements and the clock of a run; the variants only decide how the statements reach the database.
 */

/** Accounts in the database. */
export const ACCOUNTS = 10_000;
/** What each holds at the beginning. */
export const OPENING_BALANCE = 1_000_000;

/** Statements with `?` placeholders, the same on both databases. */
export const SQL = {
  lock: 'SELECT id, balance FROM bench_account WHERE id IN (?, ?) ORDER BY id FOR UPDATE',
  debit: 'UPDATE bench_account SET balance = balance - ? WHERE id = ?',
  credit: 'UPDATE bench_account SET balance = balance + ? WHERE id = ?',
  transfer: 'INSERT INTO bench_transfer (id, debit, credit, amount) VALUES (?, ?, ?, ?)',
  postings: 'INSERT INTO bench_posting (transfer, account, amount) VALUES (?, ?, ?), (?, ?, ?)',
} as const;

/** Tables; `bigint` has integer affinity on SQLite. */
export const SCHEMA = [
  'CREATE TABLE bench_account (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))',
  'CREATE TABLE bench_transfer (id bigint PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL, amount bigint NOT NULL)',
  'CREATE TABLE bench_posting (transfer bigint NOT NULL, account bigint NOT NULL, amount bigint NOT NULL)',
] as const;

/** The whole posting as one call, for PostgreSQL. */
export const POSTING_FUNCTION = `CREATE FUNCTION bench_post(p_id bigint, p_debit bigint, p_credit bigint, p_amount bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE available bigint;
BEGIN
  PERFORM 1 FROM bench_account WHERE id IN (p_debit, p_credit) ORDER BY id FOR UPDATE;
  SELECT balance INTO available FROM bench_account WHERE id = p_debit;
  IF available < p_amount THEN RETURN false; END IF;
  UPDATE bench_account SET balance = balance - p_amount WHERE id = p_debit;
  UPDATE bench_account SET balance = balance + p_amount WHERE id = p_credit;
  INSERT INTO bench_transfer (id, debit, credit, amount) VALUES (p_id, p_debit, p_credit, p_amount);
  INSERT INTO bench_posting (transfer, account, amount) VALUES (p_id, p_debit, -p_amount), (p_id, p_credit, p_amount);
  RETURN true;
END $$`;

/** One transfer to post. */
export interface Posting {
  readonly id: number;
  readonly debit: number;
  readonly credit: number;
  readonly amount: number;
}

/** How one variant posts, and how it ends. */
export interface Variant {
  post(posting: Posting): Promise<void>;
  /** Sum of all balances, which no posting changes. */
  total(): Promise<bigint>;
  close(): Promise<void>;
}

/** Runs a variant with so many clients for so long, after a warm-up, and returns postings per second. */
export async function measure(variant: Variant, clients: number, seconds: number): Promise<number> {
  let next = 1;
  const draw = (): Posting => {
    const debit = 1 + Math.floor(Math.random() * ACCOUNTS);
    const credit = 1 + ((debit + Math.floor(Math.random() * (ACCOUNTS - 1))) % ACCOUNTS);
    return { id: next++, debit, credit, amount: 1 + Math.floor(Math.random() * 10) };
  };
  const run = async (durationMs: number): Promise<number> => {
    const until = performance.now() + durationMs;
    let done = 0;
    const client = async (): Promise<void> => {
      while (performance.now() < until) {
        await variant.post(draw());
        done += 1;
      }
    };
    const since = performance.now();
    await Promise.all(Array.from({ length: clients }, client));
    return done / ((performance.now() - since) / 1_000);
  };
  await run(500);
  const perSecond = await run(seconds * 1_000);
  const total = await variant.total();
  if (total !== BigInt(ACCOUNTS) * BigInt(OPENING_BALANCE)) throw new Error(`money was lost or made: the sum is ${total}`);
  return perSecond;
}
