/** Bundle `platform.customer`: customers, password logins and sessions; on a demo also a thousand invented customers with money. */
import { defineBundle, Data, Job, type BundleContext, type JobService } from '@sluice/sdk';
import { LedgerBooks } from '@sluice/core-api';
import { CustomerOpening, Customers, Sessions } from '@sluice/customer-api';
import { AuditLog, Calendar } from '@sluice/operation-api';
import { CustomerOpener } from './adapters/customer-opener.js';
import { CustomerReader } from './adapters/customer-reader.js';
import { DEMO_PASSWORD_HASH, seedDemo } from './adapters/demo-seed.js';
import { customerMigrations, customerTables } from './adapters/schema.js';
import { SessionKeeper, type SessionLimits } from './adapters/session-keeper.js';
import { demoPeople } from './domain/demo-people.js';
import { CURRENT_PARAMETERS } from './domain/password-hash.js';
import { Turns } from './domain/turns.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface CustomerConfig extends SessionLimits {
  /** Write demo data at the first start. */
  readonly demo: boolean;
  readonly demoCustomers: number;
  /** Accounts in yuan of the first invented customer. */
  readonly demoAccountsOfFirst: number;
}

/** Password checks at once: each takes a thread and 128 MiB. */
const CHECKS_AT_ONCE = 2;
/** Logins that may wait: with a third of a second each, the last one waits about ten seconds. */
const CHECKS_WAITING_MAX = 60;
const SWEEP_EVERY_MS = 3_600_000;

export default defineBundle<CustomerConfig>({
  provides: [Customers, CustomerOpening, Sessions, Job],
  requires: [Data, LedgerBooks, Calendar, AuditLog],
  migrations: customerMigrations,

  async activate(context: BundleContext<CustomerConfig>) {
    const data = context.reference(Data);
    await data.migrate(customerMigrations);
    const tables = customerTables((name) => data.table(name));
    const { clock } = context;
    const books = context.reference(LedgerBooks);
    const audit = context.reference(AuditLog);
    const calendar = context.reference(Calendar);
    if (context.config.demo) {
      const written = await seedDemo(
        { data, tables, books, clock },
        demoPeople(context.config.demoCustomers, context.config.demoAccountsOfFirst),
      );
      if (written) context.log.info('demo customers written', { customers: context.config.demoCustomers });
    }
    const sessions = new SessionKeeper({
      data,
      tables,
      clock,
      audit,
      turns: new Turns(CHECKS_AT_ONCE, CHECKS_WAITING_MAX),
      limits: () => context.config,
      hashing: CURRENT_PARAMETERS,
      decoyHash: DEMO_PASSWORD_HASH,
    });
    context.register(Customers, new CustomerReader(data, tables));
    context.register(CustomerOpening, new CustomerOpener({ data, tables, books, clock, audit, calendar, hashing: CURRENT_PARAMETERS }));
    context.register(Sessions, sessions);
    context.register(Job, sweepJob(sessions));
  },
});

function sweepJob(sessions: SessionKeeper): JobService {
  return { name: 'session-sweep', schedule: { everyMs: SWEEP_EVERY_MS }, run: async () => void (await sessions.sweep()) };
}
