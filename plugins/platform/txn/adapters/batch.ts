/**
 * Writes a batch inside an open unit of work and lets the commit go with it.
 * On PostgreSQL all parts are one statement, whose conditions the server itself checks, so that COMMIT and the events travel in the
 * same packet: one round trip for everything an order writes. On SQLite the parts run one after another; a round trip there is a call.
 * Always holds: a part that changed another number of rows than it must undoes the batch.
 */
import { SluiceError, messageOf, type UnitOfWork } from '@sluice/sdk';
import type { SqlPart, SqlRefusal } from '@sluice/core-api';

/** A part and who asked for it: a slot, `core`, or the pipeline itself. */
export interface OwnedPart {
  readonly owner: string;
  readonly part: SqlPart;
}

/** An event that leaves with the batch. */
export interface BatchEvent {
  readonly topic: string;
  readonly key: string;
  readonly payload: unknown;
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

/** True for the error that {@link BatchRunner.run} throws. */
export function isBatchRefused(error: unknown): error is BatchRefused {
  return error instanceof Error && (error as Partial<BatchRefused>)[REFUSED] === true;
}

/** Texts of joined statements kept: one per combination of parts that orders really have. */
const TEXTS_MAX = 200;
/** Begins the message that the server raises for a condition that does not hold; the number of the part follows. */
export const CONDITION = 'platform_txn_condition:';

/** Runs batches on one database. */
export class BatchRunner {
  private readonly texts = new Map<string, string>();

  /** @param condition name of the function that raises {@link CONDITION} (PostgreSQL). */
  constructor(
    private readonly dialect: 'sqlite' | 'postgres',
    private readonly condition: string,
  ) {}

  /**
   * Writes a batch and its events. Nothing else may be done with the unit afterwards.
   * @throws BatchRefused when the condition of a part does not hold.
   */
  async run(unit: UnitOfWork, parts: readonly OwnedPart[], events: readonly BatchEvent[]): Promise<void> {
    if (this.dialect === 'postgres') await this.joined(unit, parts, events);
    else await inTurn(unit, parts, events);
  }

  private async joined(unit: UnitOfWork, parts: readonly OwnedPart[], events: readonly BatchEvent[]): Promise<void> {
    const values = parts.flatMap(({ part }) => part.values);
    // Events come behind the batch: their numbers must follow the order in which the batch got its locks.
    const sent = [unit.query(this.text(parts), values), ...events.map(({ topic, key, payload }) => unit.emit(topic, key, payload))];
    unit.finish();
    const [failed] = (await Promise.allSettled(sent)).filter((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw refusedPart(parts, failed.reason) ?? failed.reason;
  }

  /** Statement for these parts. Reading the counts in this order makes the server run the parts in this order. */
  private text(parts: readonly OwnedPart[]): string {
    const shape = parts.map(({ part }) => `${part.name}=${part.rows}:${part.sql}`).join('\n');
    let text = this.texts.get(shape);
    if (text === undefined) {
      const names = uniqueNames(parts);
      const ctes = parts.map(({ part }, index) => `${names[index]} AS (${part.sql} RETURNING 1)`);
      const checks = parts.map(({ part }, index) => `${this.condition}((SELECT count(*) FROM ${names[index]}), ${part.rows}, ${index})`);
      text = `WITH ${ctes.join(', ')} SELECT ${checks.join(', ')}`;
      if (this.texts.size >= TEXTS_MAX) this.texts.clear();
      this.texts.set(shape, text);
    }
    return text;
  }
}

async function inTurn(unit: UnitOfWork, parts: readonly OwnedPart[], events: readonly BatchEvent[]): Promise<void> {
  for (const { owner, part } of parts) {
    const changed = await unit.execute(part.sql, part.values);
    if (changed !== part.rows) throw new BatchRefused(owner, part.refusal);
  }
  for (const { topic, key, payload } of events) await unit.emit(topic, key, payload);
}

/** The part whose condition the server found not to hold. */
function refusedPart(parts: readonly OwnedPart[], error: unknown): BatchRefused | undefined {
  const index = new RegExp(`${CONDITION}(\\d+)`).exec(messageOf(error))?.[1];
  const found = index === undefined ? undefined : parts[Number(index)];
  return found === undefined ? undefined : new BatchRefused(found.owner, found.part.refusal);
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
