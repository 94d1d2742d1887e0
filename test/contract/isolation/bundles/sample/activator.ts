/** The sample bundle of the tier conformance suite. */
import { threadId } from 'node:worker_threads';
import { Activate, Component, Context, defineBundle, Reference, SluiceError, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { Counter, Neighbour, Sample } from '../contracts.js';
import { misbehave } from './misbehaviour.js';

interface SampleConfig {
  readonly greeting: string;
}

/** Counts, and starts where the revision before ended. */
let counted = 0;

@Component({ provides: Counter })
export class CounterComponent {
  private step = 0;

  constructor(
    @Reference(Neighbour) private readonly neighbour: ServiceOf<typeof Neighbour>,
    @Context() private readonly context: BundleContext,
  ) {}

  @Activate()
  async activate(): Promise<void> {
    this.step = (await this.neighbour.name()).length > 0 ? 1 : 0;
    this.context.log.info('component activated');
  }

  next(): Promise<number> {
    counted += this.step;
    return Promise.resolve(counted);
  }
}

export default defineBundle<SampleConfig>({
  components: [CounterComponent],
  provides: [Sample],
  requires: [Neighbour, Counter],

  activate(context) {
    const neighbour = context.reference(Neighbour);
    const neighbours = context.references(Neighbour);
    const counter = context.reference(Counter);
    const greetings: string[] = [];
    let ticks = 0;
    context.clock.setInterval(() => (ticks += 1), 5);
    context.onConfigChange(({ greeting }) => {
      if (greeting === 'refused') throw new SluiceError('SAMPLE_GREETING', 'this greeting is refused');
      greetings.push(greeting);
    });
    context.register(
      Sample,
      {
        echo: (value) => Promise.resolve(value),
        whereAmI: () =>
          Promise.resolve({ thread: threadId, pid: process.pid, version: context.bundle.version, revision: context.bundle.revision }),
        greeting: () => Promise.resolve(context.config.greeting),
        greetingsSeen: () => Promise.resolve(greetings),
        fail: (code) => Promise.reject(new SluiceError(code, 'as asked', { details: { asked: code }, retryable: true, httpStatus: 418 })),
        failPlainly: () => Promise.reject(new Error('plainly')),
        askNeighbour: (value) => neighbour.answer(value),
        neighbours: () => Promise.all([...neighbours].map((one) => one.name())),
        sleep: async (delayMs) => {
          const before = context.clock.monotonic();
          await context.clock.sleep(delayMs);
          return context.clock.monotonic() - before;
        },
        ticks: () => Promise.resolve(ticks),
        write: async (message, field) => {
          context.log.warn(message, { field });
          return null;
        },
        countedByComponent: () => counter.next(),
        resource: async (path) => {
          const found = context.resource(path);
          return found === undefined ? null : Buffer.from(found).toString();
        },
        exitTried: async () => {
          try {
            process.exit(3);
          } catch (error) {
            return (error as SluiceError).code;
          }
        },
        environment: async () => Object.keys(process.env).length,
        misbehave: async (how) => {
          await misbehave(how);
          return null;
        },
      },
      { colour: 'blue' },
    );
  },

  state: {
    exportState: () => ({ counted }),
    importState: (state) => {
      ({ counted } = state as { counted: number });
    },
  },
});
