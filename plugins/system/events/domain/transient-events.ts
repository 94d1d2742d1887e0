/** Publishing: builds the message and gives it to every handler of its topic. Transient events are delivered once, or not at all. */
import { messageOf, SluiceError, type EventMessage, type EventsService, type Logger } from '@sluice/sdk';
import { pushAll, type HandlerTable } from './handler-table.js';
import { frozenCopy } from './payload.js';
import { checkTopic } from './topics.js';

/** What publishing needs from its surroundings. */
export interface PublishSurroundings {
  readonly table: HandlerTable;
  readonly log: Pick<Logger, 'warn'>;
  now(): number;
  newId(): string;
}

/** The event service. */
export class TransientEvents implements EventsService {
  readonly #around: PublishSurroundings;

  constructor(around: PublishSurroundings) {
    this.#around = around;
  }

  async publish(topic: string, key: string, payload: unknown): Promise<void> {
    const event = this.#message(topic, key, payload);
    const outcomes = await pushAll(this.#around.table.of(topic), event);
    const full = outcomes.filter(({ outcome }) => outcome.kind === 'full').map(({ id }) => id);
    if (full.length > 0) throw queueFull(event, full);
  }

  post(topic: string, key: string, payload: unknown): void {
    // A mistake of the caller is thrown here; what goes wrong later has nobody else to be told.
    checkTopic(topic);
    this.publish(topic, key, payload).catch((error: unknown) => {
      this.#around.log.warn(messageOf(error), { topic, key, error });
    });
  }

  #message(topic: string, key: string, payload: unknown): EventMessage {
    checkTopic(topic);
    const { newId, now } = this.#around;
    return Object.freeze({ id: newId(), topic, key, payload: frozenCopy(topic, payload), at: now() });
  }
}

function queueFull(event: EventMessage, handlers: readonly string[]): SluiceError {
  return new SluiceError(
    'QUEUE_FULL',
    `Event '${event.topic}' did not reach ${handlers.join(', ')}: the queue of each is full. Other handlers got it`,
    {
      details: { topic: event.topic, key: event.key, handlers },
      remedy: 'Find out why the handlers are slow; publish durable events where none may be lost.',
      httpStatus: 503,
    },
  );
}
