/**
 * Bundle `channel.mobile`: the mobile bank over HTTP and JSON. Adapts a protocol and renders; every rule lives in the bundles below.
 */
import { defineBundle, Routes, serveRoutes } from '@sluice/sdk';
import { Sessions } from '@sluice/customer-api';
import { Accounts, Transfers } from '@sluice/product-api';
import { accountRoutes } from './routes/account-routes.js';
import { sessionRoutes } from './routes/session-routes.js';
import { statusRoutes } from './routes/status-routes.js';
import { transferRoutes } from './routes/transfer-routes.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface MobileConfig {
  /** Let customers reverse their own transfers. Demo only. */
  readonly demoReversal: boolean;
  /** Obey the header X-Demo-Delay-Ms. Tests only. */
  readonly demoDelay: boolean;
}

export default defineBundle<MobileConfig>({
  provides: [Routes],
  requires: [Sessions, Accounts, Transfers],

  activate(context) {
    const sessions = context.reference(Sessions);
    const accounts = context.reference(Accounts);
    const transfers = context.reference(Transfers);
    const { symbolicName, version } = context.bundle;
    serveRoutes(context, {
      title: 'Mobile bank',
      routes: [
        ...statusRoutes(`${symbolicName}@${version}`, transfers),
        ...sessionRoutes(sessions),
        ...accountRoutes(sessions, accounts),
        // Configuration is read at each request, so that a change holds from the next one on.
        ...transferRoutes({ sessions, transfers, clock: context.clock, config: () => context.config }),
      ],
    });
  },
});
