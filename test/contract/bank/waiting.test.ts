import { strict as assert } from 'node:assert';
import { dateOf, dayOf } from '@sluice/operation-api';
import {
  PipelineStep,
  WAIT_STATES,
  type Decision,
  type Effect,
  type OrderState,
  type PipelineStepService,
  type WaitState,
} from '@sluice/pipeline-api';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { seeded } from '../../verify/random.js';
import calendarBundle from '../../../plugins/platform/calendar/activator.js';
import policyBundle from '../../../plugins/platform/policy/activator.js';
import { ORDER_EDGES } from '../../../plugins/platform/txn/domain/order-state.js';
import { BankUnderTest, bankBundle, bytesOf, codeOfResult, DIALECTS } from './bank-under-test.js';

const FEE = { 'platform.policy': { fee: { CNY: { flat: '0.50', perMille: '0' } } } };
const WRONG_MAX = 3;
const COUNTER = 'waiting/all';

/** Makes an order wait as its narrative says; takes 1 from a counter, and gives it back however the order ends without effect. */
const challenger: PipelineStepService = {
  describe: () => ({ slot: 'authentication', name: 'Challenger', providedBy: 'test@1.0.0', resumes: '*' }),
  facts: () => [{ kind: 'counter', counter: COUNTER }],
  decide(order, { continuation }): Decision {
    if (continuation === undefined) return begin(order.narrative);
    const { wrong } = continuation.record as { wrong: number };
    const answer = String(continuation.answer);
    if (answer === 'right') return { go: true, record: { wrong }, effects: [] };
    if (answer !== 'wrong') return { wait: answer as WaitState, for: 'another', record: { wrong }, effects: [] };
    if (wrong + 1 >= WRONG_MAX) return { go: false, code: 'FACTOR_WRONG', details: {} };
    return { wait: order.narrative as WaitState, for: 'again', record: { wrong: wrong + 1 }, effects: [] };
  },
  conclude: (_order, outcome): Effect[] => (outcome === 'posted' ? [] : [{ kind: 'give', counter: COUNTER, amount: 1n }]),
};

function begin(narrative: string): Decision {
  const [state = '', brief] = narrative.split(' ');
  if (state === 'refuse') return { go: false, code: 'FACTOR_REFUSED', details: {} };
  const effects: Effect[] = [{ kind: 'take', counter: COUNTER, amount: 1n, ceiling: 1_000_000n, code: 'COUNTER_EXCEEDED' }];
  if (!(WAIT_STATES as readonly string[]).includes(state)) return { go: true, record: { wrong: 0 }, effects };
  return { wait: state as WaitState, for: 'a factor', record: { wrong: 0 }, effects, ...(brief === undefined ? {} : { expiresInMs: 0 }) };
}

for (const dialect of DIALECTS) {
  describe(`waiting orders (section 18, F9) on ${dialect}`, () => {
    let bank: BankUnderTest;
    let calendars = 0;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect, FEE);
      bank.runtime.provide(PipelineStep, challenger, { slot: 'authentication' });
    });
    after(() => bank?.stop());

    const balances = async (index: number): Promise<readonly (bigint | undefined)[]> => {
      const account = await bank.ledger.find(bank.yuan(index));
      return [account?.postedMinor, account?.heldMinor];
    };
    const submit = async (key: string, changes: Parameters<BankUnderTest['transfer']>[1]): Promise<string> => {
      const result = await bank.transfer(key, changes);
      assert.ok(result.outcome !== 'invalid', codeOfResult(result));
      return result.order.orderNo;
    };
    const resume = (orderNo: string, answer: string): Promise<{ state: OrderState }> =>
      bank.pipeline.resume({ orderNo, channel: 'test', actor: 'C1', slot: 'authentication', answer });
    const cancel = (orderNo: string): Promise<{ state: OrderState }> => bank.pipeline.cancel({ orderNo, channel: 'test', actor: 'C1' });
    const stateOf = async (orderNo: string): Promise<OrderState | undefined> => (await bank.pipeline.find(orderNo))?.state;
    const today = async (): Promise<string> => {
      const result = await bank.transfer(`today-${(calendars += 1)}-date`, { amount: '0.01' });
      return result.outcome === 'invalid' ? '' : result.order.businessDate;
    };
    /** Moves the business date on by letting the day end at its beginning. */
    const cutOffAt = async (cutOff: string): Promise<void> => {
      const rule = { institution: '*', currency: '*', table: 'CN', cutOff, utcOffsetMinutes: 480, bookedOn: 'all' };
      const config = { 'platform.calendar': { rules: [rule] } };
      await bank.runtime.deploy(bankBundle('platform.calendar', calendarBundle, config, `1.1.${(calendars += 1)}`));
    };
    const used = async (): Promise<string> =>
      ((await bank.sql(`SELECT CAST(used_minor AS TEXT) AS used FROM platform_txn_counter WHERE counter_key = '${COUNTER}'`))[0]?.used ??
        '0') as string;

    it('holds amount and quoted fee: the posted balance stays, the available one falls', async () => {
      const [posted = 0n] = await balances(0);
      const orderNo = await submit('waits-and-holds', { amount: '10.00', narrative: 'CHALLENGED' });
      assert.deepEqual([await stateOf(orderNo), await balances(0)], ['CHALLENGED', [posted, 1050n]]);
      const view = await bank.pipeline.find(orderNo);
      assert.deepEqual([view?.waiting?.slot, view?.waiting?.for, view?.fee.minor], ['authentication', 'a factor', 50n]);
      const [payee = 0n] = await balances(1);
      assert.equal((await resume(orderNo, 'right')).state, 'POSTED');
      assert.deepEqual([await balances(0), (await balances(1))[0]], [[posted - 1050n, 0n], payee + 1000n]);
    });

    it('what is held cannot be spent', async () => {
      const available = await bank.available(bank.yuan(2));
      const payer = { customerNo: bank.person(2).customerNo, payerAccountNo: bank.yuan(2) };
      const text = (minor: bigint): string => `${minor / 100n}.${(minor % 100n).toString().padStart(2, '0')}`;
      const orderNo = await submit('hold-nearly-all', { ...payer, amount: text(available - 100n), narrative: 'HELD_BY_RISK' });
      assert.equal(codeOfResult(await bank.transfer('spend-the-held', { ...payer, amount: '1.00' })), 'refused core INSUFFICIENT_FUNDS');
      await cancel(orderNo);
      assert.equal(codeOfResult(await bank.transfer('spend-the-freed', { ...payer, amount: '1.00' })), 'posted');
    });

    it('the quote is frozen at accept and charged, also if the schedule changes meanwhile', async () => {
      const orderNo = await submit('quote-is-frozen', { amount: '10.00', narrative: 'WAITING_APPROVAL' });
      const dear = { 'platform.policy': { fee: { CNY: { flat: '9.99', perMille: '0' } } } };
      await bank.runtime.deploy(bankBundle('platform.policy', policyBundle, dear, '1.0.1'));
      const [posted = 0n] = await balances(0);
      assert.equal((await resume(orderNo, 'right')).state, 'POSTED');
      assert.deepEqual([(await balances(0))[0], (await bank.pipeline.find(orderNo))?.fee.minor], [posted - 1050n, 50n]);
      await bank.runtime.deploy(bankBundle('platform.policy', policyBundle, FEE, '1.0.2'));
    });

    for (const end of ['cancel', 'expire', 'refuse'] as const) {
      it(`${end}: what was held and taken is free at once, and the end is final`, async () => {
        const before = [await balances(0), await used()];
        const events = await bank.count(`sluice_outbox WHERE topic = 'bank/order/ended'`);
        const orderNo = await submit(`ends-by-${end}`, { narrative: end === 'expire' ? 'CHALLENGED brief' : 'CHALLENGED' });
        assert.notDeepEqual([await balances(0), await used()], before);
        if (end === 'cancel') await cancel(orderNo);
        if (end === 'expire') await bank.pipeline.runDue();
        if (end === 'refuse') for (let wrong = 0; wrong < WRONG_MAX; wrong += 1) await resume(orderNo, 'wrong');
        assert.deepEqual([await balances(0), await used()], before);
        assert.equal(await bank.count(`sluice_outbox WHERE topic = 'bank/order/ended'`), events + 1, 'the customer is told');
        assert.equal(await stateOf(orderNo), { cancel: 'CANCELLED', expire: 'EXPIRED', refuse: 'REJECTED' }[end]);
        if (end === 'refuse') assert.equal((await bank.pipeline.find(orderNo))?.refusal?.code, 'FACTOR_WRONG');
        await assert.rejects(resume(orderNo, 'right'), { code: 'ORDER_STATE', httpStatus: 409 });
        if (end !== 'cancel') await assert.rejects(cancel(orderNo), { code: 'ORDER_STATE' });
        else assert.equal((await cancel(orderNo)).state, 'CANCELLED', 'asked again, the same answer');
      });
    }

    it('an answer after the time is up ends the order instead of posting it', async () => {
      const orderNo = await submit('answer-too-late', { narrative: 'CHALLENGED brief' });
      assert.equal((await resume(orderNo, 'right')).state, 'EXPIRED');
    });

    it('an answer for another slot is refused and changes nothing', async () => {
      const orderNo = await submit('answer-elsewhere', { narrative: 'CHALLENGED' });
      const answer = { orderNo, channel: 'test', actor: 'C1', slot: 'risk', answer: 'right' };
      await assert.rejects(bank.pipeline.resume(answer), { code: 'CONTINUATION_INVALID', httpStatus: 409 });
      assert.equal((await cancel(orderNo)).state, 'CANCELLED');
      await assert.rejects(resume('20261125-NOSUCHORDER', 'right'), { code: 'ORDER_UNKNOWN', httpStatus: 404 });
    });

    it('the key keeps the first answer, whatever became of the order', async () => {
      const first = await bank.transfer('key-of-waiting', { narrative: 'SCHEDULED' });
      assert.ok(first.outcome === 'waiting');
      await cancel(first.order.orderNo);
      const again = await bank.transfer('key-of-waiting', { narrative: 'SCHEDULED' });
      assert.deepEqual([again.outcome, bytesOf(again)], ['waiting', bytesOf(first)]);
    });

    it('of 20 answers, cancellations and turns of the clock at once, one moves the order', async () => {
      const [posted = 0n] = await balances(0);
      for (let round = 0; round < 3; round += 1) {
        const orderNo = await submit(`race-of-ends-${round}`, { amount: '1.00', narrative: 'CHALLENGED' });
        const moves = Array.from({ length: 20 }, (_unused, index) => (index % 2 === 0 ? resume(orderNo, 'right') : cancel(orderNo)));
        const states = new Set(
          (await Promise.allSettled(moves)).flatMap((move) => (move.status === 'fulfilled' ? [move.value.state] : [])),
        );
        assert.deepEqual([...states], [await stateOf(orderNo)]);
      }
      const [after = 0n, held] = await balances(0);
      assert.ok(held === 0n && (posted - after) % 150n === 0n, `${posted} ${after} ${held}`);
    });

    it('EX4, EX8: a transfer for a later date waits for it, and is posted once when it comes, on that date', async () => {
      const date = await today();
      const tomorrow = dateOf((dayOf(date) as number) + 1);
      const before = await balances(1);
      const orderNo = await submit('for-tomorrow-1', { amount: '3.00', executionDate: tomorrow });
      const revoked = await submit('for-tomorrow-2', { amount: '5.00', executionDate: tomorrow });
      assert.deepEqual([await stateOf(orderNo), await stateOf(revoked)], ['SCHEDULED', 'SCHEDULED']);
      await bank.pipeline.runDue();
      assert.equal(await stateOf(orderNo), 'SCHEDULED', 'its date has not come');
      assert.equal((await cancel(revoked)).state, 'CANCELLED', 'revoked at the last moment');
      await cutOffAt('00:00:00');
      await Promise.all([bank.pipeline.runDue(), bank.pipeline.runDue(), bank.pipeline.runDue()]);
      const view = await bank.pipeline.find(orderNo);
      assert.deepEqual([view?.state, view?.businessDate], ['POSTED', tomorrow]);
      assert.deepEqual(await balances(1), [(before[0] as bigint) + 300n, before[1]]);
      await assert.rejects(cancel(orderNo), { code: 'ORDER_STATE' }, 'one moment later it is refused');
      const [entry] = (await bank.ledger.history(bank.yuan(1), { limit: 1 })).entries;
      assert.deepEqual([entry?.orderNo, entry?.businessDate], [orderNo, tomorrow]);
      await cutOffAt('24:00:00');
    });

    it('a scheduled order whose payee was closed meanwhile is rejected, and its money is free', async () => {
      const tomorrow = dateOf((dayOf(await today()) as number) + 1);
      const before = await balances(0);
      const orderNo = await submit('payee-closes', { payeeAccountNo: bank.yuan(9), executionDate: tomorrow });
      await bank.data.execute(`UPDATE core_ledger_account SET state = 'CLOSED' WHERE account_no = ?`, [bank.yuan(9)]);
      await cutOffAt('00:00:00');
      await bank.pipeline.runDue();
      await cutOffAt('24:00:00');
      const view = await bank.pipeline.find(orderNo);
      assert.deepEqual([view?.state, view?.refusal?.code, await balances(0)], ['REJECTED', 'ACCOUNT_CLOSED', before]);
    });

    it('GS8: a random walk over all states visits only edges; every other move is refused and changes nothing', async function () {
      this.timeout(60_000);
      const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
      process.stdout.write(`      SLUICE_SEED=${seed} walks the same way again\n`);
      const walk = new Walk(bank, seeded(seed), { resume, cancel, stateOf });
      const [posted = 0n] = await balances(0);
      const usedBefore = BigInt(await used());
      for (let move = 0; move < 250; move += 1) await walk.move(move);
      const waiting = walk.in(...WAIT_STATES);
      const done = walk.in('POSTED');
      assert.deepEqual(await balances(0), [posted - BigInt(done) * 51n, BigInt(waiting) * 51n]);
      assert.equal(BigInt(await used()) - usedBefore, BigInt(waiting + done));
      await walk.checkWays();
      await walk.end();
      assert.equal((await balances(0))[1], 0n);
    });

    it('the database refuses every move that is no edge', async () => {
      const orderNo = await submit('no-edge-in-sql', { narrative: 'CHALLENGED' });
      const set = (state: string): Promise<number> =>
        bank.data.execute('UPDATE platform_txn_order SET state = ? WHERE order_no = ?', [state, orderNo]);
      for (const state of ['RECEIVED', 'REVERSED', 'UNKNOWN', 'NONSENSE'])
        await assert.rejects(set(state), /platform_txn_immutable/, state);
      await cancel(orderNo);
      for (const state of ['CHALLENGED', 'AUTHORISED', 'POSTED', 'EXPIRED'])
        await assert.rejects(set(state), /platform_txn_immutable/, state);
    });

    it('leaves balanced books and a whole audit', async () => {
      await bank.audit.seal();
      const { unbalancedJournals, differingAccounts, overdrawnAccounts } = await bank.ledger.verify();
      const { firstBad } = await bank.audit.verify(null);
      assert.deepEqual([unbalancedJournals, differingAccounts, overdrawnAccounts, firstBad], [[], [], [], null]);
    });
  });
}

/** Random moves on many orders, beside a model that says what each move may do. */
class Walk {
  readonly #orders = new Map<string, OrderState>();
  readonly #briefs = new Set<string>();
  readonly #wrong = new Map<string, number>();

  constructor(
    private readonly bank: BankUnderTest,
    private readonly random: () => number,
    private readonly act: {
      resume(orderNo: string, answer: string): Promise<{ state: OrderState }>;
      cancel(orderNo: string): Promise<{ state: OrderState }>;
      stateOf(orderNo: string): Promise<OrderState | undefined>;
    },
  ) {}

  in(...states: readonly OrderState[]): number {
    return [...this.#orders.values()].filter((state) => states.includes(state)).length;
  }

  async move(number: number): Promise<void> {
    const orders = [...this.#orders.keys()];
    const orderNo = this.#pick(orders);
    const action =
      orderNo === undefined ? 'submit' : this.#pick(['submit', 'right', 'wrong', 'other', 'other', 'cancel', 'due', 'reverse']);
    if (action === 'submit') return this.#submit(number);
    if (action === 'due') return this.#due();
    const from = this.#orders.get(orderNo as string) as OrderState;
    const expected = this.#expected(orderNo as string, from, action as string);
    try {
      await this.#act(orderNo as string, action as string, expected, number);
      assert.notEqual(expected, null, `${action} of an order in ${from} must be refused`);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ORDER_STATE', String(error));
      assert.equal(expected, null, `${action} of an order in ${from} was refused`);
    }
    const now = await this.act.stateOf(orderNo as string);
    assert.equal(now, expected ?? from);
    this.#orders.set(orderNo as string, now as OrderState);
  }

  /** What the audit tells of each order's way: edge by edge, without a gap. */
  async checkWays(): Promise<void> {
    const visited = new Set<string>();
    for (const [orderNo, state] of this.#orders) {
      let at: OrderState = 'RECEIVED';
      for (const line of await this.bank.audit.ofSubject(orderNo)) {
        const { way } = JSON.parse(line.detail) as { way?: OrderState[] };
        if (way === undefined) continue;
        assert.equal(way[0], at);
        for (const to of way.slice(1)) {
          assert.ok(ORDER_EDGES[at].includes(to), `${at} > ${to}`);
          visited.add(`${at}>${to}`);
          at = to;
        }
      }
      assert.equal(state === 'REVERSED' ? 'POSTED' : state, at);
    }
    assert.ok(visited.size >= 15, `only ${visited.size} different edges were visited`);
  }

  /** Ends what still waits. */
  async end(): Promise<void> {
    for (const [orderNo, state] of this.#orders) if ((WAIT_STATES as readonly string[]).includes(state)) await this.act.cancel(orderNo);
  }

  async #submit(number: number): Promise<void> {
    const wish = this.#pick([...WAIT_STATES, ...WAIT_STATES, 'go', 'refuse', 'CHALLENGED brief']) as string;
    const result = await this.bank.transfer(`walk-order-${number}`, { amount: '0.01', narrative: wish });
    assert.ok(result.outcome !== 'invalid');
    const { orderNo, state } = result.order;
    const [expected = ''] = wish.split(' ');
    assert.equal(state, expected === 'go' ? 'POSTED' : expected === 'refuse' ? 'REJECTED' : expected);
    this.#orders.set(orderNo, state);
    if (wish.endsWith('brief')) this.#briefs.add(orderNo);
  }

  async #due(): Promise<void> {
    await this.bank.pipeline.runDue();
    for (const orderNo of this.#briefs) {
      if (this.#orders.get(orderNo) === 'CHALLENGED') this.#orders.set(orderNo, 'EXPIRED');
      assert.equal(await this.act.stateOf(orderNo), this.#orders.get(orderNo));
    }
    this.#briefs.clear();
  }

  /** The state after an action, or null when it must be refused. */
  #expected(orderNo: string, from: OrderState, action: string): OrderState | null {
    const waits = (WAIT_STATES as readonly string[]).includes(from);
    if (action === 'reverse') return from === 'POSTED' || from === 'REVERSED' ? 'REVERSED' : null;
    if (action === 'cancel') return waits || from === 'CANCELLED' ? 'CANCELLED' : null;
    if (!waits) return null;
    if (this.#briefs.has(orderNo)) return 'EXPIRED';
    if (action === 'right') return 'POSTED';
    if (action === 'other') return this.#other(from);
    const wrong = (this.#wrong.get(orderNo) ?? 0) + 1;
    this.#wrong.set(orderNo, wrong);
    // A wrong answer asks for the first factor again.
    return wrong >= WRONG_MAX ? 'REJECTED' : (this.#first.get(orderNo) ?? from);
  }

  readonly #first = new Map<string, OrderState>();

  #other(from: OrderState): WaitState {
    const at = (WAIT_STATES as readonly string[]).indexOf(from);
    return WAIT_STATES[(at + 1) % WAIT_STATES.length] as WaitState;
  }

  async #act(orderNo: string, action: string, expected: OrderState | null, number: number): Promise<unknown> {
    const from = this.#orders.get(orderNo) as OrderState;
    if (action === 'cancel') return this.act.cancel(orderNo);
    if (action === 'other') {
      if (expected !== null && !this.#first.has(orderNo)) this.#first.set(orderNo, from);
      return this.act.resume(orderNo, this.#other(from));
    }
    if (action !== 'reverse') return this.act.resume(orderNo, action);
    const { servedBy } = (await this.bank.pipeline.find(orderNo)) as { servedBy: string };
    const request = { orderNo, channel: 'test', key: `walk-back-${number}`, actor: 'officer', reason: 'walk', servedBy };
    return this.bank.pipeline.reverse(request);
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.random() * items.length)];
  }
}
