/** Transfers: submit, look up, cancel, and (on a demo) reverse. */
import { reply, route, Type, type Clock, type RouteDefinition, type RouteReply, type ServiceOf } from '@sluice/sdk';
import type { Sessions } from '@sluice/customer-api';
import { PipelineErrors } from '@sluice/pipeline-api';
import type { Transfers } from '@sluice/product-api';
import { orderBody, problem, transferReply } from '../render.js';
import { AnyKeyHeaders, KeyHeaders, OrderReply, ProblemSchema, TransferBody } from '../schemas.js';
import type { Speaker } from '../words.js';
import { authenticate, CHANNEL, type WithHeaders } from './authenticate.js';

/** Longest wait that a test may ask for. */
const DEMO_DELAY_MAX_MS = 10_000;
/** Fields nobody knows that are told about; more help nobody. */
const UNKNOWN_FIELDS_MAX = 20;
const FIELD_NAME_MAX = 60;
const OrderParams = Type.Object({ orderNo: Type.String({ pattern: '^[0-9A-Z-]{1,40}$' }) });
const responses = { 201: OrderReply, 202: OrderReply, 404: ProblemSchema, 422: ProblemSchema } as const;

/** What these routes need. */
export interface TransferRoutePorts {
  readonly sessions: ServiceOf<typeof Sessions>;
  readonly transfers: ServiceOf<typeof Transfers>;
  readonly speak: Speaker;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly config: () => { readonly demoReversal: boolean; readonly demoDelay: boolean };
}

/** Routes of transfers. */
export function transferRoutes(ports: TransferRoutePorts): readonly RouteDefinition[] {
  const { sessions, transfers, speak } = ports;
  return [
    route({
      method: 'POST',
      path: '/transfers',
      operationId: 'createTransfer',
      summary: 'Executes a transfer once per Idempotency-Key',
      schemas: { headers: AnyKeyHeaders, body: TransferBody, responses },
      async handler(request) {
        const customerNo = await authenticate(sessions, request);
        await demoDelay(ports, request);
        const { payerAccountNo, payeeAccountNo, amount, currency, narrative, executionDate, ...others } = request.body;
        const entered = { payerAccountNo, payeeAccountNo, amount, currency, narrative, executionDate };
        const unknownFields = Object.keys(others)
          .slice(0, UNKNOWN_FIELDS_MAX)
          .map((name) => name.slice(0, FIELD_NAME_MAX));
        const result = await transfers.transfer({ channel: CHANNEL, customerNo, key: keyOf(request), ...entered, unknownFields });
        return transferReply(speak(request), result);
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
        const say = speak(request);
        return order === null ? problem(say, 404, PipelineErrors.orderUnknown) : reply(200, orderBody(say, order));
      },
    }),
    route({
      method: 'POST',
      path: '/transfers/:orderNo/cancellation',
      operationId: 'cancelTransfer',
      summary: 'Cancels a transfer that waits, for example for its date; asked again, the same answer',
      schemas: { params: OrderParams, responses: { 200: OrderReply, 404: ProblemSchema } },
      async handler(request) {
        const customerNo = await authenticate(sessions, request);
        const order = await transfers.cancel({ channel: CHANNEL, customerNo, orderNo: request.params.orderNo });
        const say = speak(request);
        return order === null ? problem(say, 404, PipelineErrors.orderUnknown) : reply(200, orderBody(say, order));
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
        const say = speak(request);
        if (!ports.config().demoReversal) return problem(say, 403, 'REVERSAL_CLOSED');
        const { orderNo } = request.params;
        const result = await transfers.reverse({
          channel: CHANNEL,
          customerNo,
          orderNo,
          key: keyOf(request) as string,
          reason: 'reversed by the customer (demo)',
        });
        return result === null ? problem(say, 404, PipelineErrors.orderUnknown) : transferReply(say, result);
      },
    }),
  ];
}

/** The key as it came: a transfer without one is told about together with its other mistakes. */
function keyOf({ headers }: WithHeaders): unknown {
  return headers['idempotency-key'];
}

/** Lets a test hold a request open across a swap. Waits before anything of the order begins, never inside a transaction. */
async function demoDelay(ports: TransferRoutePorts, request: WithHeaders & { readonly signal: AbortSignal }): Promise<void> {
  if (!ports.config().demoDelay) return;
  const delayMs = Number(request.headers['x-demo-delay-ms'] ?? 0);
  if (delayMs > 0) await ports.clock.sleep(Math.min(delayMs, DEMO_DELAY_MAX_MS), request.signal);
}
