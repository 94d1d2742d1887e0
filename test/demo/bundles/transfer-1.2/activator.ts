/** Version 1.2: starts, but its health check says that it cannot work. */
import { defineBundle, HealthCheck } from '@sluice/sdk';
import { TransferService } from '../../../../plugins/business/transfer/transfer-service.js';

export default defineBundle({
  components: [TransferService],
  provides: [HealthCheck],
  activate(context) {
    context.register(HealthCheck, {
      name: 'payee-directory',
      check: () => ({ status: 'CRITICAL', message: 'the directory of payees cannot be read' }),
    });
  },
});
