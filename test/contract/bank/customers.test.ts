import { strict as assert } from 'node:assert';
import type { LoginResult } from '@sluice/customer-api';
import { AuditLog } from '@sluice/operation-api';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { DEMO_PASSWORD, DEMO_PASSWORD_HASH, seedDemo } from '../../../plugins/platform/customer/adapters/demo-seed.js';
import { customerTables } from '../../../plugins/platform/customer/adapters/schema.js';
import { SessionKeeper } from '../../../plugins/platform/customer/adapters/session-keeper.js';
import { hashPassword } from '../../../plugins/platform/customer/domain/password-hash.js';
import { Turns } from '../../../plugins/platform/customer/domain/turns.js';
import { BankUnderTest, DIALECTS } from './bank-under-test.js';

const tables = customerTables((name) => `platform_customer_${name}`);
const LIMITS = { wrongPasswordsMax: 3, lockMs: 86_400_000, idleMs: 900_000 };
/** A cost that a test can pay many times. */
const CHEAP = { costLog2: 10, blockSize: 8, parallelism: 1 };

for (const dialect of DIALECTS) {
  describe(`customers and sessions on ${dialect}`, () => {
    let bank: BankUnderTest;
    let now = Date.UTC(2026, 10, 25);
    let keeper: SessionKeeper;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
      keeper = keeperWith(CHEAP, await hashPassword('decoy', CHEAP));
      const hash = await hashPassword('right', CHEAP);
      await bank.data.execute(`UPDATE ${tables.credential} SET password_hash = ?`, [hash]);
    });
    after(() => bank?.stop());

    const keeperWith = (hashing: typeof CHEAP, decoyHash: string): SessionKeeper =>
      new SessionKeeper({
        data: bank.data,
        tables,
        clock: { now: () => now },
        audit: bank.runtime.service(AuditLog),
        turns: new Turns(4, 100),
        limits: () => LIMITS,
        hashing,
        decoyHash,
      });

    const login = (name: string, password: string): Promise<LoginResult> => keeper.login({ channel: 'test', login: name, password });
    const outcome = async (name: string, password: string): Promise<string> => {
      const result = await login(name, password);
      return result.outcome === 'opened' ? 'opened' : result.code;
    };
    const opened = async (name: string): Promise<string> => {
      const result = await login(name, 'right');
      assert.ok(result.outcome === 'opened');
      return result.token;
    };

    it('has the demo customers, once, with money that the bank owes', async () => {
      assert.equal(await bank.customers.count(), 12);
      const { customerNo, name, pinyin } = bank.person(0);
      assert.deepEqual(await bank.customers.find(customerNo), { customerNo, name, pinyin });
      assert.equal(await bank.customers.find('C9999999'), null);
      const shown = (await bank.accounts.list(bank.person(3).customerNo)).map((account) => [
        account.accountNo,
        account.currency,
        account.postedMinor,
      ]);
      assert.deepEqual(
        shown,
        bank.person(3).accounts.map((account) => [account.accountNo, account.currency, account.openingMinor]),
      );
      const journals = await bank.count('core_ledger_journal');
      assert.equal(await seedDemo({ data: bank.data, tables, books: bank.books, clock: { now: () => now } }, bank.people), false);
      assert.equal(await bank.count('core_ledger_journal'), journals);
    });

    it('audits what became of each attempt, without the name of nobody', async () => {
      const { customerNo } = bank.person(1);
      await outcome('c0002', 'wrong');
      const token = await opened('c0002');
      await keeper.logout('test', token);
      await outcome('my-secret-password', 'oops');
      const told = async (subject: string): Promise<readonly string[]> =>
        (await bank.audit.ofSubject(subject)).map(({ actor, channel, action, outcome: how }) => `${actor} ${channel} ${action} ${how}`);
      assert.deepEqual(await told(customerNo), [
        `${customerNo} test session.refused LOGIN_REFUSED`,
        `${customerNo} test session.opened OPENED`,
        `${customerNo} test session.ended ENDED`,
      ]);
      assert.deepEqual(await told('nobody'), ['nobody test session.refused LOGIN_REFUSED']);
    });

    it('opens a session for the right password and nothing else', async () => {
      assert.equal(await outcome('c0001', 'wrong'), 'LOGIN_REFUSED');
      assert.equal(await outcome('nobody', 'right'), 'LOGIN_REFUSED');
      const result = await login('c0001', 'right');
      assert.ok(result.outcome === 'opened');
      const { customerNo, name, pinyin } = bank.person(0);
      assert.deepEqual({ customer: result.customer, idleMs: result.idleMs }, { customer: { customerNo, name, pinyin }, idleMs: 900_000 });
      assert.match(result.token, /^[A-Za-z0-9_-]{43}$/);
      assert.deepEqual(await keeper.authenticate('test', result.token), { customerNo, channel: 'test', openedAt: now });
    });

    it('keeps no token, and no password', async () => {
      const token = await opened('c0001');
      const rows = [...(await bank.sql(`SELECT * FROM ${tables.session}`)), ...(await bank.sql(`SELECT * FROM ${tables.credential}`))];
      const kept = rows.flatMap((row) => Object.values(row)).join(' ');
      assert.ok(!kept.includes(token) && !kept.includes('right'));
    });

    it('locks after three wrong passwords in a row, also for the right one, and opens again after a day', async () => {
      assert.deepEqual(
        [await outcome('c0002', 'a'), await outcome('c0002', 'b'), await outcome('c0002', 'c'), await outcome('c0002', 'right')],
        ['LOGIN_REFUSED', 'LOGIN_REFUSED', 'LOGIN_LOCKED', 'LOGIN_LOCKED'],
      );
      const locked = await login('c0002', 'right');
      assert.ok(locked.outcome === 'refused');
      assert.equal(locked.lockedUntil, now + LIMITS.lockMs);
      now += LIMITS.lockMs - 1;
      assert.equal(await outcome('c0002', 'right'), 'LOGIN_LOCKED');
      now += 1;
      assert.equal(await outcome('c0002', 'right'), 'opened');
    });

    it('the right password in between starts the count anew', async () => {
      const sequence = ['x', 'x', 'right', 'x', 'x', 'right'];
      const outcomes: string[] = [];
      for (const password of sequence) outcomes.push(await outcome('c0003', password));
      assert.deepEqual(outcomes, ['LOGIN_REFUSED', 'LOGIN_REFUSED', 'opened', 'LOGIN_REFUSED', 'LOGIN_REFUSED', 'opened']);
    });

    it('20 guesses at once try three passwords, not twenty', async () => {
      const guesses = [...Array<string>(19).fill('wrong'), 'right'];
      const outcomes = await Promise.all(guesses.map((password) => outcome('c0004', password)));
      assert.ok(outcomes.filter((code) => code === 'LOGIN_REFUSED').length <= 2, outcomes.join(' '));
      assert.equal(outcomes.at(-1), 'LOGIN_LOCKED');
    });

    it('an idle session ends, a used one lives on', async () => {
      const token = await opened('c0005');
      for (let step = 0; step < 3; step += 1) {
        now += LIMITS.idleMs - 1;
        assert.notEqual(await keeper.authenticate('test', token), null);
      }
      now += LIMITS.idleMs;
      assert.equal(await keeper.authenticate('test', token), null);
    });

    it('a session is of its channel, and ends with the logout', async () => {
      const token = await opened('c0006');
      assert.equal(await keeper.authenticate('other', token), null);
      assert.equal(await keeper.logout('other', token), false);
      assert.equal(await keeper.logout('test', token), true);
      assert.equal(await keeper.logout('test', token), false);
      assert.equal(await keeper.authenticate('test', token), null);
    });

    it('forgets sessions nobody will ask about, and only those', async () => {
      const token = await opened('c0007');
      now += 31 * 86_400_000;
      const fresh = await opened('c0008');
      assert.ok((await keeper.sweep()) >= 1);
      assert.equal(await keeper.authenticate('test', token), null);
      assert.notEqual(await keeper.authenticate('test', fresh), null);
    });

    it('hashes a password anew when the parameters were raised', async () => {
      const hashOf = async (): Promise<string> =>
        (await bank.sql(`SELECT password_hash FROM ${tables.credential} WHERE login = 'c0009'`))[0]?.password_hash as string;
      const dearer = keeperWith({ ...CHEAP, costLog2: 11 }, await hashOf());
      const results = [await dearer.login({ channel: 'test', login: 'c0009', password: 'right' })];
      const made = await hashOf();
      results.push(await dearer.login({ channel: 'test', login: 'c0009', password: 'right' }));
      assert.deepEqual(
        results.map((result) => result.outcome),
        ['opened', 'opened'],
      );
      assert.match(made, /^scrypt\$11\$8\$1\$/);
      assert.equal(await hashOf(), made);
    });

    it('the demo password opens a demo customer as shipped', async () => {
      const fresh = bank.person(10);
      await bank.data.execute(`UPDATE ${tables.credential} SET password_hash = ? WHERE login = ?`, [DEMO_PASSWORD_HASH, fresh.login]);
      const result = await bank.sessions.login({ channel: 'test', login: fresh.login, password: DEMO_PASSWORD });
      assert.equal(result.outcome, 'opened');
    });
  });
}
