/**
 * Opens customers: customer, login, account and first deposit in one unit of work.
 * Always holds: a login belongs to one customer; an opening that fails leaves nothing.
 */
import { SluiceError, type Clock, type DataService, type ServiceOf } from '@sluice/sdk';
import { bankAccountNo, type LedgerBooks } from '@sluice/core-api';
import { WHOLE_BANK, type AuditLogService, type Calendar } from '@sluice/operation-api';
import type { CustomerOpening, OpeningRequest, OpeningResult } from '@sluice/customer-api';
import { accountNumber, customerNumber } from '../domain/numbers.js';
import { hashPassword, type ScryptParameters } from '../domain/password-hash.js';
import type { CustomerTables } from './schema.js';

/** Sequences below belong to the customers of the demo. */
const FIRST_SEQUENCE = 1_000_001;
/** Openings that may take the same number at once before one gives up. */
const ATTEMPTS_MAX = 5;

/** What opening needs. */
export interface OpenerPorts {
  readonly data: DataService;
  readonly tables: CustomerTables;
  readonly books: ServiceOf<typeof LedgerBooks>;
  readonly clock: Pick<Clock, 'now'>;
  readonly audit: Pick<AuditLogService, 'append'>;
  readonly calendar: Pick<ServiceOf<typeof Calendar>, 'businessDate'>;
  readonly hashing: ScryptParameters;
}

/** Opens customers. */
export class CustomerOpener implements ServiceOf<typeof CustomerOpening> {
  constructor(private readonly ports: OpenerPorts) {}

  async open(request: OpeningRequest): Promise<OpeningResult> {
    // Hashing takes a third of a second: before the transaction, never inside it.
    const passwordHash = await hashPassword(request.password, this.ports.hashing);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.ports.data.unitOfWork(() => this.#write(request, passwordHash));
      } catch (error) {
        // On PostgreSQL two openings may take the same login or the same number at once; the second one finds out at its insert.
        if (await this.#isTaken(request.login)) return { outcome: 'refused', code: 'LOGIN_TAKEN' };
        if (attempt >= ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #write(request: OpeningRequest, passwordHash: string): Promise<OpeningResult> {
    const { data, tables, books, clock } = this.ports;
    const { name, pinyin, login, currency, depositMinor } = request;
    if (await this.#isTaken(login)) return { outcome: 'refused', code: 'LOGIN_TAKEN' };
    const sequence = await this.#nextSequence();
    const customerNo = customerNumber(sequence);
    const accountNo = accountNumber(sequence);
    const now = clock.now();
    await data.execute(`INSERT INTO ${tables.customer} (customer_no, name, pinyin, created_at) VALUES (?, ?, ?, ?)`, [
      customerNo,
      name,
      pinyin,
      now,
    ]);
    await data.execute(`INSERT INTO ${tables.credential} (login, customer_no, password_hash) VALUES (?, ?, ?)`, [
      login,
      customerNo,
      passwordHash,
    ]);
    await books.openAccounts([{ accountNo, customerNo, kind: 'CUSTOMER', title: '活期账户 Current account', currency }]);
    if (depositMinor > 0n) await this.#deposit(accountNo, currency, depositMinor, now);
    await this.ports.audit.append({
      at: now,
      actor: customerNo,
      channel: 'counter',
      action: 'customer.opened',
      subject: customerNo,
      outcome: 'OPENED',
      detail: { accountNo, currency, depositMinor },
    });
    return { outcome: 'opened', customer: { customerNo, name, pinyin }, accountNo };
  }

  async #deposit(accountNo: string, currency: string, depositMinor: bigint, now: number): Promise<void> {
    const cash = bankAccountNo('CASH', currency);
    await this.ports.books.post({
      journalId: `OPENING-${accountNo}`,
      orderNo: null,
      kind: 'OPENING',
      reverses: null,
      businessDate: this.ports.calendar.businessDate({ institution: WHOLE_BANK, currency }, now),
      bookedAt: now,
      narrative: '开户存入 first deposit',
      legs: [
        { accountNo: cash, currency, amountMinor: -depositMinor, counterAccountNo: accountNo },
        { accountNo, currency, amountMinor: depositMinor, counterAccountNo: cash },
      ],
    });
  }

  async #isTaken(login: string): Promise<boolean> {
    const { data, tables } = this.ports;
    return (await data.query(`SELECT 1 AS found FROM ${tables.credential} WHERE login = ?`, [login])).length > 0;
  }

  async #nextSequence(): Promise<number> {
    const { data, tables } = this.ports;
    const highest = (await data.query(`SELECT MAX(customer_no) AS highest FROM ${tables.customer}`))[0]?.highest;
    const sequence = Math.max(FIRST_SEQUENCE, typeof highest === 'string' ? Number(highest.slice(1)) + 1 : 0);
    if (Number.isSafeInteger(sequence)) return sequence;
    throw new SluiceError('CUSTOMER_NUMBER_INVALID', `The highest customer number '${String(highest)}' is no number`, {
      details: { highest },
    });
  }
}
