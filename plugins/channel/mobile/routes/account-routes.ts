/** Accounts and history. */
import { reply, route, Type, type RouteDefinition, type ServiceOf } from '@sluice/sdk';
import { AccountNoSchema, CoreErrors, HISTORY_PAGE_MAX } from '@sluice/core-api';
import type { Sessions } from '@sluice/customer-api';
import type { Accounts } from '@sluice/product-api';
import { accountBody, historyBody, problem } from '../render.js';
import { AccountsReply, HistoryReply, ProblemSchema } from '../schemas.js';
import type { Speaker } from '../words.js';
import { authenticate } from './authenticate.js';

const PAGE_DEFAULT = 20;

/** Routes of accounts. */
export function accountRoutes(
  sessions: ServiceOf<typeof Sessions>,
  accounts: ServiceOf<typeof Accounts>,
  speak: Speaker,
): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/accounts',
      operationId: 'listAccounts',
      summary: 'Accounts of the customer with balances',
      schemas: { responses: { 200: AccountsReply } },
      async handler(request) {
        const customerNo = await authenticate(sessions, request);
        return reply(200, { accounts: (await accounts.list(customerNo)).map(accountBody) });
      },
    }),
    route({
      method: 'GET',
      path: '/accounts/:accountNo/history',
      operationId: 'accountHistory',
      summary: 'Entries of an account, newest first',
      schemas: {
        params: Type.Object({ accountNo: AccountNoSchema }),
        query: Type.Object(
          {
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: HISTORY_PAGE_MAX })),
            before: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$' })),
          },
          { additionalProperties: false },
        ),
        responses: { 200: HistoryReply, 404: ProblemSchema },
      },
      async handler(request) {
        const customerNo = await authenticate(sessions, request);
        const { limit = PAGE_DEFAULT, before } = request.query;
        const { accountNo } = request.params;
        const page = await accounts.history({ customerNo, accountNo, limit, ...(before === undefined ? {} : { before }) });
        if (page === null) return problem(speak(request), 404, CoreErrors.accountUnknown);
        return reply(200, { entries: page.entries.map(historyBody), next: page.next });
      },
    }),
  ];
}
