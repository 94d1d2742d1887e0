/**
 * What requests leave in the audit log: each action before it takes effect and how it ended, each refusal. Refusals of senders nobody knows
 * are bounded: a flood of them must not fill the disk, so beyond a number a minute they are counted and told as one record.
 */
import { codeOf } from '@sluice/sdk';
import type { AuditRecorder } from '../trust/ports.js';
import type { Principal } from '../trust/roles.js';

/** Refusals of unknown senders that are recorded one by one, per minute. */
const STRANGERS_MAX = 100;
const MINUTE_MS = 60_000;

/** What an action is about. */
export interface RecordedAction {
  readonly action: string;
  readonly target: string;
  readonly digests?: readonly string[];
}

/** How an action ended, made of its result. */
export interface ActionEnd {
  readonly outcome: string;
  readonly code?: string;
}

/** Records requests. */
export class RequestRecorder {
  #minuteBegan = -MINUTE_MS;
  #strangers = 0;
  #counted = 0;

  constructor(
    private readonly audit: AuditRecorder,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Runs an action between two records. @param endOf reads from the result how it ended.
   * @throws SluiceError `AUDIT_UNAVAILABLE`: then the action was not run; and whatever the action throws.
   */
  async around<T>(principal: Principal, action: RecordedAction, run: () => Promise<T>, endOf: (result: T) => ActionEnd): Promise<T> {
    const ticket = await this.audit.begin({ actor: principal.name, role: principal.role, ...action });
    try {
      const result = await run();
      await ticket.end(endOf(result));
      return result;
    } catch (error) {
      await ticket.end({ outcome: 'failed', code: codeOf(error) });
      throw error;
    }
  }

  /** Records a refusal. `principal` null: the sender is not known. */
  async refused(principal: Principal | null, action: RecordedAction, code: string): Promise<void> {
    if (principal === null && !(await this.#hasRoom())) return;
    const [actor, role] = principal === null ? ['unknown', 'none'] : [principal.name, principal.role];
    await this.audit.write({ actor, role, ...action, phase: 'refused', outcome: 'refused', code });
  }

  /** Tells what was only counted. */
  async settle(): Promise<void> {
    const counted = this.#counted;
    this.#counted = 0;
    if (counted === 0) return;
    const entry = {
      actor: 'unknown',
      role: 'none',
      action: 'request',
      target: '',
      phase: 'refused',
      outcome: `${counted} more refused`,
    } as const;
    await this.audit.write({ ...entry, code: 'REFUSALS_COUNTED' });
  }

  async #hasRoom(): Promise<boolean> {
    if (this.now() - this.#minuteBegan >= MINUTE_MS) {
      this.#minuteBegan = this.now();
      this.#strangers = 0;
      await this.settle();
    }
    this.#strangers += 1;
    if (this.#strangers <= STRANGERS_MAX) return true;
    this.#counted += 1;
    return false;
  }
}
