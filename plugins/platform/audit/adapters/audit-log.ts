/** Writes entries: as a statement in somebody's batch, or at once in the unit of work that is open. */
import type { DataService } from '@sluice/sdk';
import type { SqlPart } from '@sluice/core-api';
import { AuditErrors, type AuditEntry, type AuditLogService } from '@sluice/operation-api';
import { CONTENT_COLUMNS, type AuditTables } from './schema.js';

/** The writing side of the audit. */
export class AuditWriter implements AuditLogService {
  readonly #sql: string;

  constructor(
    tables: AuditTables,
    private readonly data: Pick<DataService, 'execute'>,
  ) {
    this.#sql = `INSERT INTO ${tables.entry} (${CONTENT_COLUMNS.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?)`;
  }

  part({ at, actor, channel, action, subject, outcome, detail }: AuditEntry): SqlPart {
    return {
      name: 'audit_entry',
      sql: this.#sql,
      values: [at, actor, channel, action, subject, outcome, jsonOf(detail)],
      rows: 1,
      refusal: { code: AuditErrors.notWritten, details: { subject } },
    };
  }

  async append(entry: AuditEntry): Promise<void> {
    const { sql, values } = this.part(entry);
    await this.data.execute(sql, values);
  }
}

function jsonOf(detail: AuditEntry['detail']): string {
  return JSON.stringify(detail, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
