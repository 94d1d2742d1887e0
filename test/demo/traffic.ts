/** The customers of the demo at work: each sends one transfer after the other, under its key until it is answered. */
import { randomUUID } from 'node:crypto';
import { BankClient, minorOf } from '../support/bank-client.js';

interface Customer {
  readonly bank: BankClient;
  readonly accountNo: string;
}

/** What the traffic has seen. */
export interface TrafficFigures {
  requests: number;
  posted: number;
  /** Requests that were never answered as they should be. */
  failed: number;
  /** Answers 500 and above that a repetition under the same key mended. */
  mended: number;
  /** Connections broken by the kill that a repetition mended. */
  reconnected: number;
  readonly versions: Map<string, number>;
}

/** Customers that pay each other. Money never leaves their circle, so its sum must not change. */
export class Traffic {
  readonly #customers: readonly Customer[];
  readonly #posted = new Map<string, number>();
  #failed = 0;
  #running: Promise<unknown> | null = null;
  #stopped = false;

  constructor(customers: readonly Customer[]) {
    this.#customers = customers;
  }

  /** Begins; every customer is a client of its own. */
  begin(): void {
    this.#running = Promise.all(this.#customers.map((customer, index) => this.#work(customer, index)));
  }

  async #work(customer: Customer, index: number): Promise<void> {
    for (let turn = 0; !this.#stopped; turn += 1) {
      const payee = this.#customers[(index + 1 + (turn % (this.#customers.length - 1))) % this.#customers.length] as Customer;
      const order = { from: customer.accountNo, to: payee.accountNo, amount: `${1 + (turn % 5)}.00`, key: randomUUID() };
      const answer = await customer.bank.transferUntilAnswered(order, 1_000);
      if (answer.status !== 201 || answer.body.state !== 'POSTED') this.#failed += 1;
      else this.#posted.set(answer.body.servedBy, (this.#posted.get(answer.body.servedBy) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** How many transfers one version has served. */
  servedBy(version: string): number {
    return this.#posted.get(`business.transfer@${version}`) ?? 0;
  }

  /** Waits until a version has served so many transfers more. */
  async waitFor(version: string, more: number): Promise<void> {
    const until = this.servedBy(version) + more;
    for (let waited = 0; this.servedBy(version) < until; waited += 20) {
      if (waited > 60_000) throw new Error(`${version} did not serve ${more} transfers within a minute`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async end(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Money of all customers together, in minor units. */
  async money(): Promise<bigint> {
    let sum = 0n;
    for (const { bank } of this.#customers) for (const account of await bank.accounts()) sum += minorOf(account.balance);
    return sum;
  }

  figures(): TrafficFigures {
    const sum = (pick: (customer: Customer) => number): number => this.#customers.reduce((total, customer) => total + pick(customer), 0);
    return {
      requests: sum(({ bank }) => bank.attempts.requests),
      posted: [...this.#posted.values()].reduce((total, count) => total + count, 0),
      failed: this.#failed,
      mended: sum(({ bank }) => bank.attempts.serverErrors),
      reconnected: sum(({ bank }) => bank.attempts.brokenConnections),
      versions: this.#posted,
    };
  }
}
