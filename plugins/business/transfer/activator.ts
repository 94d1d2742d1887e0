/** Bundle `business.transfer`: single transfers between accounts of this bank, the same for every channel. */
import { defineBundle } from '@sluice/sdk';
import { TransferService } from './transfer-service.js';

export default defineBundle({ components: [TransferService] });
