/**
 * The whole money pipeline: a transfer as a channel submits it, with validation, idempotency key, nine slots, limit, fee, journal, audit
 * and outbox, through the bank's real bundles without a kernel around them. On the same accounts and amounts as the other variants.
 */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { BundleContext, ServiceOf } from '@sluice/sdk';
import { bankAccountNo, type Ledger } from '@sluice/core-api';
import { SLOTS, type PipelineStepService, type SlotName } from '@sluice/pipeline-api';
import { SystemClock } from '@sluice/kernel/host/clock';
import { TransferService } from '../../plugins/business/transfer/transfer-service.js';
import { EmbeddedLedgerStatements } from '../../plugins/core/ledger/adapters/embedded-ledger.js';
import { Books } from '../../plugins/core/ledger/adapters/ledger-books.js';
import { LedgerReader } from '../../plugins/core/ledger/adapters/ledger-reader.js';
import { ledgerMigrations } from '../../plugins/core/ledger/adapters/migrations.js';
import { ledgerTables } from '../../plugins/core/ledger/adapters/schema-common.js';
import { AllowAllStep } from '../../plugins/platform/policy/allow-all-step.js';
import type { PolicyConfig } from '../../plugins/platform/policy/config.js';
import { ConfiguredFeeStep } from '../../plugins/platform/policy/configured-fee-step.js';
import { OrderCeilingStep } from '../../plugins/platform/policy/order-ceiling-step.js';
import { OrderEventStep } from '../../plugins/platform/policy/order-event-step.js';
import { AuditWriter } from '../../plugins/platform/audit/adapters/audit-log.js';
import { auditMigrations, auditTables } from '../../plugins/platform/audit/adapters/schema.js';
import { Sealer } from '../../plugins/platform/audit/adapters/sealer.js';
import { RuleCalendar } from '../../plugins/platform/calendar/domain/calendar-rules.js';
import { pipelineOf } from '../../plugins/platform/txn/activator.js';
import { BatchRunner } from '../../plugins/platform/txn/adapters/batch.js';
import { EffectParts } from '../../plugins/platform/txn/adapters/effect-parts.js';
import { GatherSql } from '../../plugins/platform/txn/adapters/gather-sql.js';
import { OrderRows } from '../../plugins/platform/txn/adapters/order-rows.js';
import { conditionFunction, txnMigrations, txnTables } from '../../plugins/platform/txn/adapters/schema.js';
import { dataServices, type DatabasePlace } from './our-service.js';
import { ACCOUNTS, OPENING_BALANCE, type Posting, type Variant } from './workload.js';

/** The calendar that ships: every date is booked on, and ends at midnight. */
const EVERY_DATE = new RuleCalendar({
  tables: { NONE: { weekend: [], holidays: [], workingDays: [] } },
  rules: [{ institution: '*', currency: '*', table: 'NONE', cutOff: '24:00:00', utcOffsetMinutes: 480, bookedOn: 'all' }],
});
/** As often as the audit bundle seals: what it costs is part of the figure. */
const SEAL_EVERY_MS = 400;

const POLICY: PolicyConfig = { orderCeiling: { CNY: '5000000.00' }, fee: {} };

/** Opens the books and gives a variant that transfers through the whole pipeline. */
export async function pipeline(place: DatabasePlace): Promise<Variant> {
  const { service, close } = await dataServices(place);
  const clock = new SystemClock();
  const ledgerData = service('core.ledger');
  await ledgerData.migrate(ledgerMigrations);
  const tables = ledgerTables((name) => ledgerData.table(name));
  const statements = new EmbeddedLedgerStatements(tables, ledgerData.dialect);
  const ledger = new LedgerReader(ledgerData, tables);
  await openBooks(new Books(ledgerData, tables, statements, clock));

  const data = service('platform.txn');
  await data.migrate(txnMigrations);
  const txn = txnTables((name) => data.table(name));
  const orders = new OrderRows(txn);
  const auditData = service('platform.audit');
  await auditData.migrate(auditMigrations);
  const auditPlace = auditTables((name) => auditData.table(name));
  const sealer = new Sealer(auditData, auditPlace);
  let sealing: Promise<number> = Promise.resolve(0);
  const sealRegularly = setInterval(() => {
    sealing = sealing.then(() => sealer.seal());
  }, SEAL_EVERY_MS);
  const steps = policySteps();
  const executor = pipelineOf(
    {
      data,
      batch: new BatchRunner(data.dialect, conditionFunction(txn)),
      ledger: statements,
      audit: new AuditWriter(auditPlace, auditData),
      calendar: EVERY_DATE,
      orders,
      gather: new GatherSql(txn, data.dialect, statements, orders, () => undefined),
      effects: new EffectParts(txn, statements, () => undefined),
      steps: (slot) => steps.get(slot),
      clock,
      randomBytes,
      waitMs: () => 600_000,
    },
    { warn: (message) => console.warn(message) },
  );
  const transfers = new TransferService(executor, ledger, EVERY_DATE, contextOf('business.transfer'));
  const run = randomBytes(6).toString('hex');
  return {
    async post({ id, debit, credit, amount }: Posting) {
      const result = await transfers.transfer({
        channel: 'bench',
        customerNo: `C${debit}`,
        key: `${run}-${id}`,
        payerAccountNo: `A${debit}`,
        payeeAccountNo: `A${credit}`,
        amount: `0.${String(amount).padStart(2, '0')}`,
        currency: 'CNY',
        narrative: '',
      });
      if (result.outcome !== 'posted') throw new Error(`not posted: ${JSON.stringify(result)}`);
    },
    total: async () => (await totalsOf(ledger)).customersMinor,
    close: async () => {
      clearInterval(sealRegularly);
      await sealing;
      await close();
    },
  };
}

async function totalsOf(ledger: ServiceOf<typeof Ledger>): Promise<{ customersMinor: bigint }> {
  const [yuan] = await ledger.totals();
  if (yuan === undefined || yuan.sumMinor !== 0n) throw new Error(`the books do not balance: ${String(yuan?.sumMinor)}`);
  return yuan;
}

async function openBooks(books: Books): Promise<void> {
  const numbers = Array.from({ length: ACCOUNTS }, (_unused, index) => index + 1);
  const equity = bankAccountNo('EQUITY', 'CNY');
  const bank = { customerNo: null, kind: 'BANK' as const, title: '', currency: 'CNY' };
  await books.openAccounts([
    { ...bank, accountNo: equity },
    ...numbers.map((id) => ({ accountNo: `A${id}`, customerNo: `C${id}`, kind: 'CUSTOMER' as const, title: '', currency: 'CNY' })),
  ]);
  const opening = BigInt(OPENING_BALANCE);
  await books.post({
    journalId: 'OPENING',
    orderNo: null,
    kind: 'OPENING',
    reverses: null,
    businessDate: '2026-01-01',
    bookedAt: 0,
    narrative: '',
    legs: [
      { accountNo: equity, currency: 'CNY', amountMinor: -opening * BigInt(ACCOUNTS), counterAccountNo: null },
      ...numbers.map((id) => ({ accountNo: `A${id}`, currency: 'CNY', amountMinor: opening, counterAccountNo: equity })),
    ],
  });
}

function policySteps(): ReadonlyMap<SlotName, PipelineStepService> {
  const context = contextOf('platform.policy') as unknown as BundleContext<PolicyConfig>;
  const steps = new Map<SlotName, PipelineStepService>(SLOTS.map((slot) => [slot, new AllowAllStep(slot, context.bundle)]));
  steps.set('limit', new OrderCeilingStep(context));
  steps.set('fee', new ConfiguredFeeStep(context));
  steps.set('notice', new OrderEventStep(contextOf('platform.policy')));
  return steps;
}

/** The part of a context that these bundles read. */
function contextOf(symbolicName: string): BundleContext {
  return {
    bundle: { id: 1, symbolicName, version: '1.0.0', revision: 1, digest: '' },
    config: POLICY,
    clock: new SystemClock(),
  } as unknown as BundleContext;
}
