/**
 * Seals committed entries, in order, and checks the chain.
 * One sealer at a time: the row with the end of the chain is locked while it works, so that two nodes take turns. Money never waits for it:
 * orders insert entries and touch nothing of the chain.
 */
import { asBigint, type DataService, type ServiceOf, type SqlRow, type UnitOfWork } from '@sluice/sdk';
import type { Audit, AuditAnchor, AuditLine, AuditVerdict } from '@sluice/operation-api';
import { ChainCheck, sealOf, type SealedContent } from '../domain/chain.js';
import { CONTENT_COLUMNS, type AuditTables } from './schema.js';

/** Entries sealed by one statement. */
const SEALED_AT_ONCE = 500;
/** Entries read at once while the chain is checked. */
const CHECKED_AT_ONCE = 2_000;
const LINES_MAX = 1_000;
const CONTENT = `CAST(entry_id AS TEXT) AS entry_id, CAST(at AS TEXT) AS at, ${CONTENT_COLUMNS.slice(1).join(', ')}`;

/** The reading and sealing side of the audit. */
export class Sealer implements ServiceOf<typeof Audit> {
  constructor(
    private readonly data: Pick<DataService, 'dialect' | 'query' | 'unitOfWork'>,
    private readonly tables: AuditTables,
  ) {}

  /** Seals everything that is committed now. @returns how many entries. */
  async seal(): Promise<number> {
    let sealed = 0;
    // Looking first keeps an idle bank from opening a write transaction twice a second.
    while ((await this.data.query(`SELECT 1 AS found FROM ${this.tables.entry} WHERE seal_no IS NULL LIMIT 1`)).length > 0) {
      const count = await this.data.unitOfWork((unit) => this.#sealSome(unit));
      sealed += count;
      if (count < SEALED_AT_ONCE) break;
    }
    return sealed;
  }

  async verify(anchor: AuditAnchor | null): Promise<AuditVerdict> {
    const check = new ChainCheck(anchor);
    // Read before the entries: what is sealed meanwhile lies behind it.
    const head = await this.#head();
    for (let from = 0; ; from += CHECKED_AT_ONCE) {
      const rows = await this.data.query(
        `SELECT ${CONTENT}, seal_no, seal_hash FROM ${this.tables.entry} WHERE seal_no > ? AND seal_no <= ? ORDER BY seal_no`,
        [from, Math.min(from + CHECKED_AT_ONCE, head.sealNo)],
      );
      const holds = rows.every((row) => check.take({ ...contentOf(row), sealNo: Number(row.seal_no), hash: row.seal_hash as string }));
      if (!holds || from + CHECKED_AT_ONCE >= head.sealNo) break;
    }
    const [waiting] = await this.data.query(`SELECT COUNT(*) AS count FROM ${this.tables.entry} WHERE seal_no IS NULL`);
    return { ...check.end(head), unsealed: Number(waiting?.count), head };
  }

  async ofSubject(subject: string): Promise<AuditLine[]> {
    const rows = await this.data.query(
      `SELECT seal_no, at, ${CONTENT_COLUMNS.slice(1).join(', ')} FROM ${this.tables.entry} WHERE subject = ? ORDER BY entry_id LIMIT ${LINES_MAX}`,
      [subject],
    );
    return rows.map((row) => ({
      sealNo: row.seal_no === null ? null : Number(row.seal_no),
      at: Number(row.at),
      actor: row.actor as string,
      channel: row.channel as string,
      action: row.action as string,
      subject: row.subject as string,
      outcome: row.outcome as string,
      detail: row.detail as string,
    }));
  }

  async #sealSome(unit: UnitOfWork): Promise<number> {
    const { entry, head } = this.tables;
    const lock = this.data.dialect === 'postgres' ? ' FOR UPDATE' : '';
    let end = anchorOf((await unit.query(`SELECT seal_no, hash FROM ${head} WHERE id = 1${lock}`))[0]);
    const rows = await unit.query(`SELECT ${CONTENT} FROM ${entry} WHERE seal_no IS NULL ORDER BY entry_id LIMIT ${SEALED_AT_ONCE}`);
    if (rows.length === 0) return 0;
    const values = rows.flatMap((row) => {
      const content = contentOf(row);
      end = sealOf(end, content);
      return [asBigint(content.entryId), end.sealNo, end.hash];
    });
    const lines = rows.map(() => '(CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT))').join(', ');
    await unit.execute(
      `UPDATE ${entry} SET seal_no = seals.column2, seal_hash = seals.column3 FROM (VALUES ${lines}) AS seals WHERE ${entry}.entry_id = seals.column1`,
      values,
    );
    await unit.execute(`UPDATE ${head} SET seal_no = ?, hash = ? WHERE id = 1`, [end.sealNo, end.hash]);
    return rows.length;
  }

  async #head(): Promise<AuditAnchor> {
    return anchorOf((await this.data.query(`SELECT seal_no, hash FROM ${this.tables.head} WHERE id = 1`))[0]);
  }
}

function anchorOf(row: SqlRow | undefined): AuditAnchor {
  return { sealNo: Number(row?.seal_no), hash: row?.hash as string };
}

function contentOf(row: SqlRow): SealedContent {
  const { entry_id, at, actor, channel, action, subject, outcome, detail } = row as Record<string, string>;
  return { entryId: entry_id, at, actor, channel, action, subject, outcome, detail } as SealedContent;
}
