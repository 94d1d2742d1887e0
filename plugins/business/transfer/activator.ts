/** Bundle `business.transfer`: single transfers between accounts of this bank, the same for every channel. */
import { defineBundle } from '@sluice/sdk';
import { BankFunction } from '@sluice/channel-api';
import { SINGLE_TRANSFER } from './functions.js';
import { TransferService } from './transfer-service.js';

export default defineBundle({
  components: [TransferService],
  provides: [BankFunction],
  activate: (context) => void context.register(BankFunction, SINGLE_TRANSFER, { function: SINGLE_TRANSFER.function }),
});
