/**
 * The bank on the real engine and a real database, for contract tests: kernel, data bundle and the bank's bundles as they are, on
 * SQLite in a temporary folder or on PostgreSQL in a database of its own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { Data, type BundleDefinition, type DataService, type ManifestSection, type ServiceOf, type SqlRow } from '@sluice/sdk';
import { Ledger, LedgerBooks } from '@sluice/core-api';
import { Customers, Sessions } from '@sluice/customer-api';
import { Audit } from '@sluice/operation-api';
import { Pipeline } from '@sluice/pipeline-api';
import { Accounts, Transfers, type TransferRequest, type TransferResult } from '@sluice/product-api';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import ledgerBundle from '../../../plugins/core/ledger/activator.js';
import accountBundle from '../../../plugins/business/account/activator.js';
import transferBundle from '../../../plugins/business/transfer/activator.js';
import customerBundle from '../../../plugins/platform/customer/activator.js';
import auditBundle from '../../../plugins/platform/audit/activator.js';
import calendarBundle from '../../../plugins/platform/calendar/activator.js';
import messageBundle from '../../../plugins/platform/message/activator.js';
import policyBundle from '../../../plugins/platform/policy/activator.js';
import txnBundle from '../../../plugins/platform/txn/activator.js';
import dataBundle from '../../../plugins/system/data/activator.js';
import { demoPeople, type DemoPerson } from '../../../plugins/platform/customer/domain/demo-people.js';
import { POSTGRES_URL } from '../../support/servers.js';

/** Databases every contract test runs on. */
export const DIALECTS = ['sqlite', 'postgres'] as const;

/** One of {@link DIALECTS}. */
export type Dialect = (typeof DIALECTS)[number];

/** Configuration of single bundles, over what they ship. */
export type BankConfig = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const FOLDERS: Readonly<Record<string, string>> = {
  'system.data': 'plugins/system/data',
  'core.ledger': 'plugins/core/ledger',
  'platform.audit': 'plugins/platform/audit',
  'platform.calendar': 'plugins/platform/calendar',
  'platform.message': 'plugins/platform/message',
  'platform.txn': 'plugins/platform/txn',
  'platform.policy': 'plugins/platform/policy',
  'platform.customer': 'plugins/platform/customer',
  'business.account': 'plugins/business/account',
  'business.transfer': 'plugins/business/transfer',
  'channel.mobile': 'plugins/channel/mobile',
  'system.http': 'plugins/system/http',
};

/** Customers of a bank under test; few, so that it starts fast. */
const CUSTOMERS = 12;

/** A bundle of the bank as a test deploys it: its real code and manifest, with changed configuration or version. */
export function bankBundle(name: string, definition: BundleDefinition, config: BankConfig = {}, version = '1.0.0'): TestBundle {
  const text = readFileSync(join(process.cwd(), FOLDERS[name] as string, 'package.json'), 'utf8');
  const section = (JSON.parse(text) as { sluice: ManifestSection }).sluice;
  const { config: shipped, ...manifest } = section;
  if (shipped === undefined) return { symbolicName: name, version, definition, manifest };
  return {
    symbolicName: name,
    version,
    definition,
    manifest: { ...manifest, config: { schema: shipped.schema, defaults: { ...shipped.defaults, ...config[name] } } },
  };
}

/** The bundles of the bank without its channel. */
export function bankBundles(url: string, config: BankConfig = {}): TestBundle[] {
  const all: BankConfig = {
    ...config,
    'system.data': { url, ...config['system.data'] },
    'platform.customer': { demoCustomers: CUSTOMERS, ...config['platform.customer'] },
  };
  return [
    bankBundle('system.data', dataBundle, all),
    bankBundle('core.ledger', ledgerBundle, all),
    bankBundle('platform.audit', auditBundle, all),
    bankBundle('platform.calendar', calendarBundle, all),
    bankBundle('platform.message', messageBundle, all),
    bankBundle('platform.txn', txnBundle, all),
    bankBundle('platform.policy', policyBundle, all),
    bankBundle('platform.customer', customerBundle, all),
    bankBundle('business.account', accountBundle, all),
    bankBundle('business.transfer', transferBundle, all),
  ];
}

/** A running bank. */
export class BankUnderTest {
  readonly ledger: ServiceOf<typeof Ledger>;
  readonly books: ServiceOf<typeof LedgerBooks>;
  readonly pipeline: ServiceOf<typeof Pipeline>;
  readonly transfers: ServiceOf<typeof Transfers>;
  readonly accounts: ServiceOf<typeof Accounts>;
  readonly customers: ServiceOf<typeof Customers>;
  readonly sessions: ServiceOf<typeof Sessions>;
  readonly audit: ServiceOf<typeof Audit>;
  readonly data: DataService;
  readonly people: readonly DemoPerson[] = demoPeople(CUSTOMERS);

  private constructor(
    readonly runtime: TestRuntime,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    this.ledger = runtime.service(Ledger);
    this.books = runtime.service(LedgerBooks);
    this.pipeline = runtime.service(Pipeline);
    this.transfers = runtime.service(Transfers);
    this.accounts = runtime.service(Accounts);
    this.customers = runtime.service(Customers);
    this.sessions = runtime.service(Sessions);
    this.audit = runtime.service(Audit);
    this.data = runtime.service(Data);
  }

  /** Starts a bank on a database of its own. */
  static async start(dialect: Dialect, config: BankConfig = {}, without: readonly string[] = []): Promise<BankUnderTest> {
    const database = dialect === 'postgres' ? await createDatabase() : { url: '', drop: async () => undefined };
    return BankUnderTest.startOn(database, config, without);
  }

  /** Starts a bank on a database that may hold one already, as a second node does. */
  static async startOn(database: TestDatabase, config: BankConfig = {}, without: readonly string[] = []): Promise<BankUnderTest> {
    const runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(...bankBundles(database.url, config).filter((bundle) => !without.includes(bundle.symbolicName)));
    return new BankUnderTest(runtime, database.drop);
  }

  async stop(): Promise<void> {
    try {
      await this.runtime.stop();
    } finally {
      await this.dropDatabase();
    }
  }

  /** Person by position, from 0. */
  person(index: number): DemoPerson {
    return this.people[index] as DemoPerson;
  }

  /** A transfer of 1.00 yuan from the first person to the second, changed as a test wants it. */
  request(key: string, changes: Partial<TransferRequest> = {}): TransferRequest {
    const accounts = { payerAccountNo: this.yuan(0), payeeAccountNo: this.yuan(1) };
    return {
      channel: 'test',
      customerNo: this.person(0).customerNo,
      key,
      ...accounts,
      amount: '1.00',
      currency: 'CNY',
      narrative: 'test',
      ...changes,
    };
  }

  /** Executes {@link request}. */
  transfer(key: string, changes: Partial<TransferRequest> = {}): Promise<TransferResult> {
    return this.transfers.transfer(this.request(key, changes));
  }

  /** Number of a person's account in yuan. */
  yuan(index: number): string {
    return this.person(index).accounts[0]?.accountNo as string;
  }

  /** Available minor units of an account. */
  async available(accountNo: string): Promise<bigint> {
    return (await this.ledger.find(accountNo))?.availableMinor as bigint;
  }

  /** Rows of plain SQL, past all services. */
  sql(text: string): Promise<readonly SqlRow[]> {
    return this.data.query(text);
  }

  /** How many rows a table has. */
  async count(table: string): Promise<number> {
    return Number((await this.sql(`SELECT COUNT(*) AS count FROM ${table}`))[0]?.count);
  }
}

/** A database and how to remove it. */
export interface TestDatabase {
  /** Empty: SQLite in the folder of the runtime. */
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** Outcome and code of a result, in one word each: what a table of refusals compares. */
export function codeOfResult(result: TransferResult): string {
  if (result.outcome === 'invalid') return `invalid ${result.mistakes.map(({ field, code }) => `${field} ${code}`).join(', ')}`;
  return result.order.refusal === null ? result.outcome : `${result.outcome} ${result.order.refusal.slot} ${result.order.refusal.code}`;
}

/** JSON of a result, digits for amounts: what a channel would send. */
export function bytesOf(result: TransferResult): string {
  const shown = result.outcome === 'invalid' ? result : result.order;
  return JSON.stringify(shown, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

let databases = 0;

/** An empty PostgreSQL database. */
export async function createDatabase(): Promise<TestDatabase> {
  databases += 1;
  const name = `sluice_bank_${process.pid}_${databases}`;
  await administer(`CREATE DATABASE ${name}`);
  const url = new URL(POSTGRES_URL);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(`DROP DATABASE ${name} WITH (FORCE)`) };
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: POSTGRES_URL });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
