/** The door: a component with injected services that serves a route and receives events. */
import {
  Activate,
  Component,
  Context,
  Deactivate,
  EventHandler,
  Events,
  handleEvents,
  Modified,
  Reference,
  reply,
  route,
  Routes,
  serveRoutes,
  topic,
  Type,
  type BundleContext,
  type ServiceOf,
} from '@sluice/sdk';
import { facts } from './facts.js';
import { Visited, Visits } from './visit-book.js';

const Knocked = topic('verify.knocked', Type.Object({ visitor: Type.String() }));
const Count = Type.Number();
const Answer = Type.Object({
  version: Type.String(),
  greeting: Type.String(),
  facts: Type.Object({
    visits: Count,
    events: Count,
    durableEvents: Count,
    jobs: Count,
    contextTicks: Count,
    plainTicks: Count,
    revisions: Count,
  }),
});

/** Lets visitors in. */
@Component({ name: 'door' })
export class Door {
  #open = false;
  #greeting: string;

  constructor(
    @Reference(Visits) private readonly visits: ServiceOf<typeof Visits>,
    @Reference(Events) private readonly events: ServiceOf<typeof Events>,
    @Context() private readonly context: BundleContext<{ greeting: string }>,
  ) {
    this.#greeting = context.config.greeting;
  }

  @Activate()
  start(): void {
    this.#open = true;
    const visit = route({
      method: 'GET',
      path: '/visit/:visitor',
      operationId: 'visit',
      summary: 'Writes a visit down',
      schemas: { params: Type.Object({ visitor: Type.String() }), responses: { 200: Answer } },
      handler: async ({ params }) => reply(200, await this.#enter(params.visitor)),
    });
    serveRoutes(this.context, { title: 'Everything', routes: [visit] });
    handleEvents(this.context, Knocked, { name: 'door-knocked', handle: () => void (facts.events += 1) });
    handleEvents(this.context, Visited, {
      name: 'door-visited',
      delivery: 'durable',
      handle: () => void (facts.durableEvents += 1),
    });
  }

  @Modified()
  greet(config: { greeting: string }): void {
    this.#greeting = config.greeting;
  }

  @Deactivate()
  stop(): void {
    this.#open = false;
  }

  async #enter(visitor: string): Promise<unknown> {
    if (!this.#open) throw new Error('the door is closed');
    await this.events.publish(Knocked.name, visitor, { visitor });
    facts.visits += 1;
    await this.visits.add(visitor);
    return { version: this.context.bundle.version, greeting: this.#greeting, facts };
  }
}

/** What the door contributes besides its own contract. */
export const contributed = [Routes, EventHandler] as const;
