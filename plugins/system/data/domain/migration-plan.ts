/**
 * Decides which migrations of a bundle run now. Pure: given what is recorded and what the bundle brings, a list or a refusal.
 *
 * Expand steps leave the previous revision working and run at once. Contract steps remove what only older revisions needed; they are
 * left for later as long as an older revision may still run or come back. On a first installation there is none, so all run.
 */
import { SluiceError, type Migration } from '@sluice/sdk';
import type { Dialect } from './scan.js';
import { scanSql } from './scan.js';

/** A recorded step. */
export interface AppliedMigration {
  readonly name: string;
  readonly phase: 'expand' | 'contract';
}

/** What may run. */
export interface MigrationPlan {
  readonly run: readonly Migration[];
  /** Contract steps left for later. */
  readonly deferred: readonly string[];
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/i;

/**
 * Plans the steps of one bundle.
 * @throws SluiceError `MIGRATION_INVALID`, `MIGRATION_SCHEMA_AHEAD`, `MIGRATION_OUT_OF_ORDER`, `MIGRATION_CONTRACT_EARLY`.
 */
export function planMigrations(
  bundle: string,
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  contractAllowed: boolean,
): MigrationPlan {
  checkNames(bundle, migrations);
  const known = new Set(migrations.map((migration) => migration.name));
  const ahead = applied.filter((step) => step.phase === 'contract' && !known.has(step.name));
  if (ahead.length > 0) throw schemaAhead(bundle, ahead);

  const done = new Set(applied.map((step) => step.name));
  const pending = migrations.filter((migration) => !done.has(migration.name));
  const lastKnown =
    applied
      .map((step) => step.name)
      .filter((name) => known.has(name))
      .sort()
      .at(-1) ?? '';
  const late = pending.find((migration) => migration.name < lastKnown && migration.phase === 'expand');
  if (late !== undefined) throw outOfOrder(bundle, late.name, lastKnown);

  if (contractAllowed || applied.length === 0) return { run: pending, deferred: [] };
  const firstContract = pending.findIndex((migration) => migration.phase === 'contract');
  if (firstContract === -1) return { run: pending, deferred: [] };
  const blocked = pending.slice(firstContract).find((migration) => migration.phase === 'expand');
  if (blocked !== undefined) throw contractEarly(bundle, (pending[firstContract] as Migration).name, blocked.name);
  return { run: pending.slice(0, firstContract), deferred: pending.slice(firstContract).map((migration) => migration.name) };
}

function checkNames(bundle: string, migrations: readonly Migration[]): void {
  const mistakes: string[] = [];
  migrations.forEach((migration, index) => {
    if (!NAME.test(migration.name)) mistakes.push(`'${migration.name}' is not a usable name`);
    const before = migrations[index - 1]?.name;
    if (before !== undefined && before >= migration.name) mistakes.push(`'${migration.name}' does not sort after '${before}'`);
    if (migration.phase !== 'expand' && migration.phase !== 'contract') mistakes.push(`'${migration.name}' has no phase`);
  });
  if (mistakes.length === 0) return;
  throw new SluiceError('MIGRATION_INVALID', `Migrations of bundle '${bundle}' are not usable: ${mistakes.join('; ')}`, {
    details: { bundle, mistakes },
    remedy: "Name them in sorted order, e.g. '0001-accounts', '0002-limits', each once, with phase 'expand' or 'contract'.",
  });
}

function schemaAhead(bundle: string, ahead: readonly AppliedMigration[]): SluiceError {
  const names = ahead.map((step) => step.name);
  return new SluiceError(
    'MIGRATION_SCHEMA_AHEAD',
    `Bundle '${bundle}' is older than its schema: ${names.join(', ')} removed what this version needs`,
    { details: { bundle, names }, remedy: 'Deploy the newer version, or restore a backup from before these steps.' },
  );
}

function outOfOrder(bundle: string, name: string, lastApplied: string): SluiceError {
  return new SluiceError(
    'MIGRATION_OUT_OF_ORDER',
    `Migration '${name}' of bundle '${bundle}' sorts before '${lastApplied}', which is applied`,
    {
      details: { bundle, name, lastApplied },
      remedy: 'Rename it so that it sorts after every applied migration.',
    },
  );
}

function contractEarly(bundle: string, contract: string, expand: string): SluiceError {
  return new SluiceError(
    'MIGRATION_CONTRACT_EARLY',
    `Migration '${expand}' of bundle '${bundle}' cannot run: contract step '${contract}' before it must wait while an older revision may still run`,
    {
      details: { bundle, contract, expand },
      remedy:
        "Move the contract step behind the expand steps, or allow it (setting 'contractMigrations') once no older revision can come back.",
    },
  );
}

const CONTRACTING: readonly (readonly [RegExp, string])[] = [
  [/\bdrop\s+(table|view|column|schema|type)\b/, 'drops something that the previous revision may use'],
  [/\balter\s+table\b.*\bdrop\s+(?!constraint\b|index\b)/, 'drops a column that the previous revision may use'],
  [/\balter\s+table\b.*\brename\b/, 'renames what the previous revision knows by its old name'],
  [/\balter\s+column\b.*\b(set\s+not\s+null|type)\b/, 'narrows a column that the previous revision writes'],
  // A trigger that refuses TRUNCATE names it as its event.
  [/(?<!\b(?:before|after|or) )\btruncate\b/, 'removes rows that the previous revision uses'],
];

/** Why a statement does not belong into an expand step, or null when it does. */
export function contractingReason(sql: string, dialect: Dialect): string | null {
  const code = scanSql(sql, dialect).code.toLowerCase().replace(/\s+/g, ' ');
  const found = CONTRACTING.find(([pattern]) => pattern.test(code));
  if (found !== undefined) return found[1];
  if (/\balter table\b.*\badd\b.*\bnot null\b/.test(code) && !/\bdefault\b/.test(code)) {
    return 'adds a column without a default that the previous revision does not fill';
  }
  return null;
}

/** The table that a data definition statement is about, or null when it is about none. */
export function tableOf(sql: string): string | null {
  const match =
    /^\s*(?:create|alter|drop)\s+(?:temp(?:orary)?\s+|unlogged\s+)?table\s+(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?["`[]?([\w.]+)/i.exec(
      sql,
    ) ??
    /^\s*create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?["`]?\w+["`]?\s+on\s+(?:only\s+)?["`[]?([\w.]+)/i.exec(
      sql,
    ) ??
    /^\s*create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:constraint\s+)?trigger\s+(?:if\s+not\s+exists\s+)?["`]?\w+["`]?.*?\bon\s+["`[]?([\w.]+)/is.exec(
      sql,
    );
  return match?.[1] ?? null;
}
