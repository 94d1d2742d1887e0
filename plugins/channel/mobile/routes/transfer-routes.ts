/** Transfers: submit, look up, and (on a demo) reverse. */
import { reply, route, Type, type Clock, type RouteDefinition, type RouteReply, type ServiceOf } from '@sluice/sdk';
import type { Sessions } from '@sluice/customer-api';
import { PipelineErrors } from '@sluice/pipeline-api';
import type { Transfers } from '@sluice/product-api';
import { orderBody, problem, transferReply } from '../render.js';
import { KeyHeaders, OrderReply, ProblemSchema, TransferBody } from '../schemas.js';
import { authenticate, CHANNEL, type WithHeaders } from './authenticate.js';

/** Longest wait that a test may ask for. */
const DEMO_DELAY_MAX_MS = 10_000;
const OrderParams = Type.Object({ orderNo: Type.String({ pattern: '^[0-9A-Z-]{1,40}$' }) });
const responses = { 201: OrderReply, 404: ProblemSchema, 422: ProblemSchema } as const;

/** What these routes need. */
export interface TransferRoutePorts {
  readonly sessions: ServiceOf<typeof Sessions>;
  readonly transfers: ServiceOf<typeof Transfers>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly config: () => { readonly demoReversal: boolean; readonly demoDelay: boolean };
}

/** Routes of transfers. */
export function transferRoutes(ports: TransferRoutePorts): readonly RouteDefinition[] {
  const { sessions, transfers } = ports;
  return [
    route({
      method: 'POST',
      path: '/transfers',
      operationId: 'createTransfer',
      summary: 'Executes a transfer once per Idempotency-Key',
      schemas: { headers: KeyHeaders, body: TransferBody, responses },
      async handler(request) {
        const customerNo = await authenticate(sessions, request);
        await demoDelay(ports, request);
        const { payerAccountNo, payeeAccountNo, amount, currency, narrative = '' } = request.body;
        const order = { payerAccountNo, payeeAccountNo, amount, currency, narrative };
        return transferReply(await transfers.transfer({ channel: CHANNEL, customerNo, key: keyOf(request), ...order }));
      },
    }),
    route({
      method: 'GET',
      path: '/transfers/:orderNo',
      operationId: 'getTransfer',
      summary: 'A transfer in its present state',
      schemas: { params: OrderParams, responses: { 200: OrderReply, 404: ProblemSchema } },
      async handler(request) {
        const customerNo = await authenticate(sessions, request);
        const order = await transfers.find(customerNo, request.params.orderNo);
        return order === null ? problem(404, PipelineErrors.orderUnknown) : reply(200, orderBody(order));
      },
    }),
    route({
      method: 'POST',
      path: '/transfers/:orderNo/reversal',
      operationId: 'reverseTransfer',
      summary: 'Demo only: reverses a transfer of your own, which in a real bank an officer does',
      schemas: { params: OrderParams, headers: KeyHeaders, responses: { ...responses, 403: ProblemSchema } },
      async handler(request): Promise<RouteReply> {
        const customerNo = await authenticate(sessions, request);
        if (!ports.config().demoReversal) return problem(403, 'REVERSAL_CLOSED');
        const { orderNo } = request.params;
        const result = await transfers.reverse({
          channel: CHANNEL,
          customerNo,
          orderNo,
          key: keyOf(request),
          reason: 'reversed by the customer (demo)',
        });
        return result === null ? problem(404, PipelineErrors.orderUnknown) : transferReply(result);
      },
    }),
  ];
}

/** The key, which the schema of the headers has required. */
function keyOf({ headers }: WithHeaders): string {
  return headers['idempotency-key'] as string;
}

/** Lets a test hold a request open across a swap. Waits before anything of the order begins, never inside a transaction. */
async function demoDelay(ports: TransferRoutePorts, request: WithHeaders & { readonly signal: AbortSignal }): Promise<void> {
  if (!ports.config().demoDelay) return;
  const delayMs = Number(request.headers['x-demo-delay-ms'] ?? 0);
  if (delayMs > 0) await ports.clock.sleep(Math.min(delayMs, DEMO_DELAY_MAX_MS), request.signal);
}
