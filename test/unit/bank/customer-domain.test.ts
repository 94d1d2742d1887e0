import { strict as assert } from 'node:assert';
import { demoPeople } from '../../../plugins/platform/customer/domain/demo-people.js';
import { luhnDigit } from '../../../plugins/platform/customer/domain/numbers.js';
import { hashPassword, verifyPassword } from '../../../plugins/platform/customer/domain/password-hash.js';
import { Turns } from '../../../plugins/platform/customer/domain/turns.js';

const CHEAP = { costLog2: 10, blockSize: 8, parallelism: 1 };

describe('password hashes', () => {
  it('match the password they were made of, and no other', async () => {
    const hash = await hashPassword('öffne dich', CHEAP);
    assert.match(hash, /^scrypt\$10\$8\$1\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(await verifyPassword('öffne dich', hash, CHEAP), { matches: true, outdated: false });
    assert.deepEqual(await verifyPassword('oeffne dich', hash, CHEAP), { matches: false, outdated: false });
  });

  it('take a letter with its accent as one sign or as two', async () => {
    const hash = await hashPassword('\u00f6', CHEAP);
    assert.equal((await verifyPassword('o\u0308', hash, CHEAP)).matches, true);
  });

  it('differ for the same password', async () => {
    assert.notEqual(await hashPassword('same', CHEAP), await hashPassword('same', CHEAP));
  });

  it('say when they were made with other parameters', async () => {
    const hash = await hashPassword('p', CHEAP);
    assert.deepEqual(await verifyPassword('p', hash, { ...CHEAP, costLog2: 11 }), { matches: true, outdated: true });
  });

  it('that are none are a fault, whose message holds nothing of them', async () => {
    await assert.rejects(verifyPassword('p', 'secret-thing', CHEAP), (error: Error) => !error.message.includes('secret-thing'));
  });
});

describe('turns of password checks', () => {
  it('run a few at once, in order, and refuse more than may wait', async () => {
    const turns = new Turns(2, 2);
    const log: string[] = [];
    const gates: (() => void)[] = [];
    const task = (name: string) =>
      turns.run(async () => {
        log.push(`${name} begins`);
        await new Promise<void>((resolve) => gates.push(resolve));
        log.push(`${name} ends`);
      });
    const tasks = [task('a'), task('b'), task('c'), task('d')];
    await assert.rejects(task('e'), { code: 'LOGIN_BUSY', retryable: true, httpStatus: 503 });
    assert.deepEqual(log, ['a begins', 'b begins']);
    const step = async (): Promise<void> => {
      gates.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (let count = 0; count < 4; count += 1) await step();
    await Promise.all(tasks);
    assert.deepEqual(log, ['a begins', 'b begins', 'a ends', 'c begins', 'b ends', 'd begins', 'c ends', 'd ends']);
  });

  it('a failing check gives its turn away', async () => {
    const turns = new Turns(1, 0);
    await assert.rejects(
      turns.run(() => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.equal(await turns.run(async () => 'next'), 'next');
  });
});

describe('people of the demo', () => {
  it('are the same at every start', () => {
    assert.deepEqual(demoPeople(50), demoPeople(1000).slice(0, 50));
    const [first] = demoPeople(1);
    assert.deepEqual(
      [first?.customerNo, first?.login, first?.accounts.map((account) => account.accountNo)],
      ['C0000001', 'c0001', ['100100000015']],
    );
  });

  it('are a thousand with different logins and account numbers, all with money', () => {
    const people = demoPeople(1000);
    const accounts = people.flatMap((person) => person.accounts);
    assert.deepEqual([new Set(people.map((person) => person.login)).size, people.at(-1)?.login], [1000, 'c1000']);
    assert.deepEqual([new Set(accounts.map((account) => account.accountNo)).size, accounts.length], [1250, 1250]);
    assert.ok(accounts.every((account) => account.openingMinor > 0n && /^1001[0-9]{8}$/.test(account.accountNo)));
  });

  it('have account numbers with a right check digit', () => {
    // The number every description of the algorithm uses.
    assert.equal(luhnDigit('7992739871'), '3');
    for (const { accounts } of demoPeople(20))
      for (const { accountNo } of accounts) assert.equal(luhnDigit(accountNo.slice(0, -1)), accountNo.slice(-1));
  });
});
