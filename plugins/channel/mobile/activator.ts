/**
 * Bundle `channel.mobile`: the mobile bank over HTTP and JSON. Adapts a protocol and renders; every rule lives in the bundles below.
 */
import { defineBundle, Routes, serveRoutes } from '@sluice/sdk';
import { BankFunction, Messages } from '@sluice/channel-api';
import { Sessions } from '@sluice/customer-api';
import { Accounts, Transfers } from '@sluice/product-api';
import { accountRoutes } from './routes/account-routes.js';
import { functionRoutes } from './routes/function-routes.js';
import { sessionRoutes } from './routes/session-routes.js';
import { statusRoutes } from './routes/status-routes.js';
import { transferRoutes } from './routes/transfer-routes.js';
import { speakerOf, worded } from './words.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface MobileConfig {
  /** Let customers reverse their own transfers. Demo only. */
  readonly demoReversal: boolean;
  /** Obey the header X-Demo-Delay-Ms. Tests only. */
  readonly demoDelay: boolean;
}

export default defineBundle<MobileConfig>({
  provides: [Routes],
  requires: [Sessions, Accounts, Transfers, Messages, { contract: BankFunction, optional: true }],

  activate(context) {
    const sessions = context.reference(Sessions);
    const accounts = context.reference(Accounts);
    const transfers = context.reference(Transfers);
    const messages = context.reference(Messages);
    const speak = speakerOf(messages);
    const { symbolicName, version } = context.bundle;
    const routes = [
      ...statusRoutes(`${symbolicName}@${version}`, transfers),
      ...functionRoutes(context.references(BankFunction), speak),
      ...sessionRoutes(sessions, speak),
      ...accountRoutes(sessions, accounts, speak),
      // Configuration is read at each request, so that a change holds from the next one on.
      ...transferRoutes({ sessions, transfers, speak, clock: context.clock, config: () => context.config }),
    ];
    serveRoutes(context, { title: 'Mobile bank', routes: routes.map((route) => worded(route, messages)) });
  },
});
