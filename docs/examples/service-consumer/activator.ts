/**
 * A component with a reference. It exists while the reference is satisfied: when the provider is replaced, the reference follows and the
 * component lives on; when no provider is left, the component goes with its route, and comes back by itself. (An activator that takes the
 * reference keeps its routes, and calls without a provider answer 503.)
 */
import { Activate, Component, defineBundle, Reference, reply, route, Routes, serveRoutes, Type, type BundleContext } from '@sluice/sdk';
import { Rates, type RatesService } from '@sluice-examples/rates-api';

/** Serves quotes. */
@Component()
export class QuoteRoutes {
  constructor(@Reference(Rates) private readonly rates: RatesService) {}

  @Activate()
  start(context: BundleContext): void {
    const quote = route({
      method: 'GET',
      path: '/:currency',
      operationId: 'quote',
      summary: 'Price of one unit of a currency',
      schemas: {
        params: Type.Object({ currency: Type.String({ pattern: '^[A-Z]{3}$' }) }),
        responses: { 200: Type.Object({ quote: Type.String() }) },
      },
      handler: async ({ params }) => reply(200, { quote: `1 ${params.currency} = ${await this.rates.rate(params.currency)} CNY` }),
    });
    serveRoutes(context, { title: 'Quotes', routes: [quote] });
  }
}

export default defineBundle({ components: [QuoteRoutes], provides: [Routes] });
