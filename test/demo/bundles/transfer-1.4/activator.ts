/** Version 1.4: takes five seconds to start, long enough to pull the plug in the middle of its deploy. */
import { defineBundle } from '@sluice/sdk';
import { TransferService } from '../../../../plugins/business/transfer/transfer-service.js';

export default defineBundle({
  components: [TransferService],
  activate: (context) => context.clock.sleep(5_000),
});
