/**
 * Logins by password and sessions.
 * Always holds: no more than `wrongPasswordsMax` passwords of one login are tried before it locks, however many attempts run at once,
 * because an attempt is counted before the password is checked; a token is kept as a hash only; what became of each attempt is audited,
 * without the login name of nobody, which may be a password in the wrong field.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock, DataService, ServiceOf, SqlRow } from '@sluice/sdk';
import type { CustomerView, LoginRequest, LoginResult, SessionView, Sessions } from '@sluice/customer-api';
import type { AuditLogService } from '@sluice/operation-api';
import { hashPassword, verifyPassword, type ScryptParameters } from '../domain/password-hash.js';
import type { Turns } from '../domain/turns.js';
import type { CustomerTables } from './schema.js';

/** Limits of logins and sessions; from configuration. */
export interface SessionLimits {
  readonly wrongPasswordsMax: number;
  readonly lockMs: number;
  readonly idleMs: number;
}

/** What the keeper needs. */
export interface SessionPorts {
  readonly data: DataService;
  readonly tables: CustomerTables;
  readonly clock: Pick<Clock, 'now'>;
  readonly audit: Pick<AuditLogService, 'append'>;
  readonly turns: Turns;
  /** Read at each use, so that a change holds from the next login on. */
  readonly limits: () => SessionLimits;
  /** Parameters of new hashes. */
  readonly hashing: ScryptParameters;
  /** A hash with these parameters that is checked for login names nobody has. */
  readonly decoyHash: string;
}

const TOKEN_BYTES = 32;
/** Who tried a login name that nobody has. */
const NOBODY = 'nobody';
/** How much later than it happened a use of a session may be written: writing each one would make every query a write. */
const SEEN_STEP_MS = 30_000;
/** Ended and idle sessions are kept this long, for questions about logins. */
export const SESSION_KEPT_MS = 30 * 24 * 3_600_000;

/** Opens, checks and ends sessions. */
export class SessionKeeper implements ServiceOf<typeof Sessions> {
  private readonly data: DataService;
  private readonly tables: CustomerTables;

  constructor(private readonly ports: SessionPorts) {
    this.data = ports.data;
    this.tables = ports.tables;
  }

  async login({ channel, login, password }: LoginRequest): Promise<LoginResult> {
    const credential = await this.credential(login);
    if (credential === undefined) {
      // Takes as long as a wrong password, so that names cannot be told apart by the clock.
      await this.ports.turns.run(() => verifyPassword(password, this.ports.decoyHash, this.ports.hashing));
      await this.note(channel, NOBODY, 'session.refused', 'LOGIN_REFUSED');
      return { outcome: 'refused', code: 'LOGIN_REFUSED', lockedUntil: null };
    }
    const result = await this.ports.turns.run(async (): Promise<LoginResult> => {
      const failures = await this.countAttempt(login);
      if (failures === undefined) return this.locked(login);
      const { matches, outdated } = await verifyPassword(password, credential.password_hash as string, this.ports.hashing);
      if (!matches) {
        const { wrongPasswordsMax } = this.ports.limits();
        return failures >= wrongPasswordsMax ? this.locked(login) : { outcome: 'refused', code: 'LOGIN_REFUSED', lockedUntil: null };
      }
      if (outdated) await this.rehash(login, password);
      return this.open(channel, login, customerOf(credential));
    });
    if (result.outcome === 'refused') await this.note(channel, credential.customer_no as string, 'session.refused', result.code);
    return result;
  }

  async authenticate(channel: string, token: string): Promise<SessionView | null> {
    const now = this.ports.clock.now();
    const tokenHash = hashOf(token);
    const rows = await this.data.query(
      `SELECT customer_no, channel, opened_at, seen_at FROM ${this.tables.session} WHERE token_hash = ? AND channel = ? AND ended_at IS NULL AND seen_at > ?`,
      [tokenHash, channel, now - this.ports.limits().idleMs],
    );
    const row = rows[0];
    if (row === undefined) return null;
    if (now - Number(row.seen_at) > SEEN_STEP_MS) {
      await this.data.execute(`UPDATE ${this.tables.session} SET seen_at = ? WHERE token_hash = ? AND seen_at < ?`, [now, tokenHash, now]);
    }
    return { customerNo: row.customer_no as string, channel: row.channel as string, openedAt: Number(row.opened_at) };
  }

  async logout(channel: string, token: string): Promise<boolean> {
    return this.data.unitOfWork(async (unit) => {
      const sql = `UPDATE ${this.tables.session} SET ended_at = ? WHERE token_hash = ? AND channel = ? AND ended_at IS NULL RETURNING customer_no`;
      const [ended] = await unit.query(sql, [this.ports.clock.now(), hashOf(token), channel]);
      if (ended !== undefined) await this.note(channel, ended.customer_no as string, 'session.ended', 'ENDED');
      return ended !== undefined;
    });
  }

  /** Removes sessions nobody will ask about any more. */
  async sweep(): Promise<number> {
    return this.data.execute(`DELETE FROM ${this.tables.session} WHERE seen_at < ?`, [this.ports.clock.now() - SESSION_KEPT_MS]);
  }

  private async credential(login: string): Promise<SqlRow | undefined> {
    const rows = await this.data.query(
      `SELECT c.customer_no, c.password_hash, p.name, p.pinyin
       FROM ${this.tables.credential} c JOIN ${this.tables.customer} p ON p.customer_no = c.customer_no WHERE c.login = ?`,
      [login],
    );
    return rows[0];
  }

  /** Counts an attempt before it is made. @returns wrong ones in a row if this one is wrong too; undefined while locked. */
  private async countAttempt(login: string): Promise<number | undefined> {
    const { wrongPasswordsMax, lockMs } = this.ports.limits();
    const now = this.ports.clock.now();
    const rows = await this.data.query(
      `UPDATE ${this.tables.credential} SET failures = CASE WHEN failures >= ? THEN 1 ELSE failures + 1 END, attempted_at = ?
       WHERE login = ? AND (failures < ? OR attempted_at <= ?) RETURNING failures`,
      [wrongPasswordsMax, now, login, wrongPasswordsMax, now - lockMs],
    );
    return rows[0] === undefined ? undefined : Number(rows[0].failures);
  }

  private note(channel: string, customerNo: string, action: string, outcome: string): Promise<void> {
    const at = this.ports.clock.now();
    return this.ports.audit.append({ at, actor: customerNo, channel, action, subject: customerNo, outcome, detail: {} });
  }

  private async locked(login: string): Promise<LoginResult> {
    const rows = await this.data.query(`SELECT attempted_at FROM ${this.tables.credential} WHERE login = ?`, [login]);
    return { outcome: 'refused', code: 'LOGIN_LOCKED', lockedUntil: Number(rows[0]?.attempted_at ?? 0) + this.ports.limits().lockMs };
  }

  private async rehash(login: string, password: string): Promise<void> {
    const hash = await hashPassword(password, this.ports.hashing);
    await this.data.execute(`UPDATE ${this.tables.credential} SET password_hash = ? WHERE login = ?`, [hash, login]);
  }

  private async open(channel: string, login: string, customer: CustomerView): Promise<LoginResult> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const now = this.ports.clock.now();
    await this.data.unitOfWork(async (unit) => {
      await unit.execute(`UPDATE ${this.tables.credential} SET failures = 0 WHERE login = ?`, [login]);
      await unit.execute(
        `INSERT INTO ${this.tables.session} (token_hash, customer_no, channel, opened_at, seen_at) VALUES (?, ?, ?, ?, ?)`,
        [hashOf(token), customer.customerNo, channel, now, now],
      );
      await this.note(channel, customer.customerNo, 'session.opened', 'OPENED');
    });
    return { outcome: 'opened', token, customer, idleMs: this.ports.limits().idleMs };
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function customerOf(row: SqlRow): CustomerView {
  return { customerNo: row.customer_no as string, name: row.name as string, pinyin: row.pinyin as string };
}
