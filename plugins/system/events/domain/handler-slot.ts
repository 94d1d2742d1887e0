/**
 * The queue of one handler, which outlives its revisions: events of one key follow each other, different keys run side by side.
 * Always holds: at most `queueMax` events wait or run; each one pushed comes to exactly one outcome; whichever revision's handler
 * is current when an event's turn comes gets it.
 */
import type { EventMessage } from '@sluice/sdk';
import type { CurrentHandler, Outcome } from './delivery.js';

/** Limits of one handler. */
export interface SlotLimits {
  readonly queueMax: number;
  readonly parallelMax: number;
}

interface Task {
  readonly event: EventMessage;
  readonly finish: (outcome: Outcome) => void;
}

/** A handler and its queue. */
export class HandlerSlot {
  /** Bundle and handler name: the same over all revisions. */
  readonly id: string;
  /** Null between the withdrawal of one revision's handler and the arrival of the next one's. */
  current: CurrentHandler | null = null;
  readonly #limits: () => SlotLimits;
  readonly #deliver: (to: CurrentHandler, event: EventMessage) => Promise<Outcome>;
  /** Keys with an event running or ready to run; behind it, what follows under the same key. */
  readonly #behind = new Map<string, Task[]>();
  readonly #ready: Task[] = [];
  #running = 0;
  #size = 0;

  constructor(id: string, limits: () => SlotLimits, deliver: (to: CurrentHandler, event: EventMessage) => Promise<Outcome>) {
    this.id = id;
    this.#limits = limits;
    this.#deliver = deliver;
  }

  /** Events waiting or running. */
  get size(): number {
    return this.#size;
  }

  /** Queues an event. */
  push(event: EventMessage): Promise<Outcome> {
    if (this.current === null) return Promise.resolve({ kind: 'gone' });
    if (this.#size >= this.#limits().queueMax) return Promise.resolve({ kind: 'full' });
    return new Promise((finish) => {
      this.#size++;
      const task: Task = { event, finish };
      const behind = this.#behind.get(event.key);
      if (behind !== undefined) {
        behind.push(task);
        return;
      }
      this.#behind.set(event.key, []);
      this.#ready.push(task);
      this.#fill();
    });
  }

  /** Ends everything that waits, because no handler will come. What runs ends on its own. */
  dissolve(): void {
    const waiting = [...this.#ready.splice(0), ...[...this.#behind.values()].flatMap((behind) => behind.splice(0))];
    this.#size -= waiting.length;
    for (const { finish } of waiting) finish({ kind: 'gone' });
  }

  #fill(): void {
    while (this.#running < this.#limits().parallelMax) {
      const task = this.#ready.shift();
      if (task === undefined) return;
      this.#running++;
      void this.#run(task);
    }
  }

  async #run(task: Task): Promise<void> {
    const { current } = this;
    const outcome: Outcome = current === null ? { kind: 'gone' } : await this.#deliver(current, task.event);
    this.#running--;
    this.#size--;
    task.finish(outcome);
    const { key } = task.event;
    const next = this.#behind.get(key)?.shift();
    if (next === undefined) this.#behind.delete(key);
    else this.#ready.push(next);
    this.#fill();
  }
}
