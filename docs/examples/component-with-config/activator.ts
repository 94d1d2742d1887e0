/**
 * The kernel checks every change against the schema in package.json before this code sees it. `@Modified` takes it over; throwing there
 * refuses the change, and the old value stays.
 */
import {
  Activate,
  Component,
  defineBundle,
  Modified,
  reply,
  route,
  Routes,
  serveRoutes,
  SluiceError,
  Type,
  type BundleContext,
} from '@sluice/sdk';

interface LimitsConfig {
  readonly dailyLimit: number;
}

const STEP = 100;

/** Serves the limit that holds now. */
@Component()
export class Limits {
  #dailyLimit = 0;

  @Activate()
  start(context: BundleContext<LimitsConfig>): void {
    this.changed(context.config);
    const limit = route({
      method: 'GET',
      path: '/daily',
      operationId: 'dailyLimit',
      summary: 'The limit that holds now',
      schemas: { responses: { 200: Type.Object({ dailyLimit: Type.Integer() }) } },
      handler: () => reply(200, { dailyLimit: this.#dailyLimit }),
    });
    serveRoutes(context, { title: 'Limits', routes: [limit] });
  }

  @Modified()
  changed({ dailyLimit }: LimitsConfig): void {
    // What a schema cannot say.
    if (dailyLimit % STEP !== 0) {
      throw new SluiceError('LIMIT_UNEVEN', `The daily limit ${dailyLimit} is no multiple of ${STEP}`, {
        details: { dailyLimit, step: STEP },
        remedy: `Set a multiple of ${STEP}.`,
      });
    }
    this.#dailyLimit = dailyLimit;
  }
}

export default defineBundle<LimitsConfig>({ components: [Limits], provides: [Routes] });
