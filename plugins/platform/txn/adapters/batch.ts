/**
 * Runs the parts of a batch inside an open unit of work: one statement on PostgreSQL, one after another on SQLite.
 * Leaves to others: what the parts mean. Always holds: a part that changed another number of rows than it must undoes the batch.
 */
import { SluiceError, type UnitOfWork } from '@sluice/sdk';
import type { SqlPart, SqlRefusal } from '@sluice/core-api';

/** A part and who asked for it: a slot, `core`, or the pipeline itself. */
export interface OwnedPart {
  readonly owner: string;
  readonly part: SqlPart;
}

const REFUSED = Symbol('batch refused');

/** Thrown out of the unit of work so that it is undone; never leaves the executor. */
export class BatchRefused extends SluiceError {
  readonly [REFUSED] = true;
  constructor(
    readonly owner: string,
    readonly refusal: SqlRefusal,
  ) {
    super('BATCH_REFUSED', `The batch was undone: a part of '${owner}' did not hold (${refusal.code})`, { details: refusal.details });
  }
}

/** True for the error that {@link runBatch} throws. */
export function isBatchRefused(error: unknown): error is BatchRefused {
  return error instanceof Error && (error as Partial<BatchRefused>)[REFUSED] === true;
}

/** Runs a batch. @throws BatchRefused when the condition of a part does not hold. */
export async function runBatch(unit: UnitOfWork, dialect: 'sqlite' | 'postgres', parts: readonly OwnedPart[]): Promise<void> {
  if (dialect === 'postgres') await runJoined(unit, parts);
  else await runInTurn(unit, parts);
}

/** SQLite: the statements are few and prepared; a round trip there is a function call. */
async function runInTurn(unit: UnitOfWork, parts: readonly OwnedPart[]): Promise<void> {
  for (const { owner, part } of parts) {
    const changed = await unit.execute(part.sql, part.values);
    if (changed !== part.rows) throw new BatchRefused(owner, part.refusal);
  }
}

/** PostgreSQL: all parts in one round trip. Reading the counts in this order makes the server run the parts in this order. */
async function runJoined(unit: UnitOfWork, parts: readonly OwnedPart[]): Promise<void> {
  const names = uniqueNames(parts);
  const ctes = parts.map(({ part }, index) => `${names[index]} AS (${part.sql} RETURNING 1)`);
  const counts = names.map((name) => `(SELECT count(*) FROM ${name}) AS ${name}`);
  const rows = await unit.query(
    `WITH ${ctes.join(', ')} SELECT ${counts.join(', ')}`,
    parts.flatMap(({ part }) => part.values),
  );
  parts.forEach(({ owner, part }, index) => {
    if (Number(rows[0]?.[names[index] as string]) !== part.rows) throw new BatchRefused(owner, part.refusal);
  });
}

/** Names for the parts of one statement. The first of a name keeps it: other parts may refer to it. */
function uniqueNames(parts: readonly OwnedPart[]): readonly string[] {
  const seen = new Map<string, number>();
  return parts.map(({ part }) => {
    const count = (seen.get(part.name) ?? 0) + 1;
    seen.set(part.name, count);
    return count === 1 ? part.name : `${part.name}_${count}`;
  });
}
