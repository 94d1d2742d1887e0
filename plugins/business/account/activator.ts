/** Bundle `business.account`: a customer's accounts, balances and history, the same for every channel. */
import { defineBundle } from '@sluice/sdk';
import { AccountService } from './account-service.js';

export default defineBundle({ components: [AccountService] });
