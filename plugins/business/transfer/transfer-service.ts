/**
 * Single transfers: turns what a customer entered into an order with two legs, and submits it to the money pipeline.
 * Leaves to the pipeline: keys, limits, fees, funds, the transaction. Leaves to channels: how it looks.
 */
import { Component, Context, Reference, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { Ledger } from '@sluice/core-api';
import { Pipeline, type OrderRequest, type OrderView } from '@sluice/pipeline-api';
import { Transfers, type TransferRequest, type TransferResult, type TransferReversal } from '@sluice/product-api';
import { checkAccounts, checkInput, isAccountNo, mistakesOfPipeline } from './domain/transfer-input.js';

/** Function name of orders of this bundle. */
export const SINGLE_TRANSFER = 'transfer.single';

/** Executes, finds and reverses transfers. */
@Component({ provides: Transfers })
export class TransferService implements ServiceOf<typeof Transfers> {
  /** Told with every answer, so that a swap of this bundle can be seen from outside. */
  private readonly servedBy: string;

  constructor(
    @Reference(Pipeline) private readonly pipeline: ServiceOf<typeof Pipeline>,
    @Reference(Ledger) private readonly ledger: ServiceOf<typeof Ledger>,
    @Context() context: BundleContext,
  ) {
    this.servedBy = `${context.bundle.symbolicName}@${context.bundle.version}`;
  }

  async transfer(request: TransferRequest): Promise<TransferResult> {
    const { money, mistakes } = checkInput(request);
    // Only a request that fails anyway costs a look at the accounts; a good one is read once, by the pipeline.
    if (money === undefined || mistakes.length > 0) {
      const accountNos = [request.payerAccountNo, request.payeeAccountNo].filter(isAccountNo);
      const accounts = await this.ledger.findAll(accountNos);
      return { outcome: 'invalid', mistakes: [...mistakes, ...checkAccounts(request, request.customerNo, accounts)] };
    }
    const result = await this.pipeline.submit(this.orderOf(request, money));
    return result.outcome === 'invalid' ? { outcome: 'invalid', mistakes: [...mistakesOfPipeline(request, result.mistakes)] } : result;
  }

  async find(customerNo: string, orderNo: string): Promise<OrderView | null> {
    const order = await this.pipeline.find(orderNo);
    return order?.customerNo === customerNo ? order : null;
  }

  async reverse({ channel, customerNo, orderNo, key, reason }: TransferReversal): Promise<TransferResult | null> {
    if ((await this.find(customerNo, orderNo)) === null) return null;
    const result = await this.pipeline.reverse({ orderNo, channel, key, actor: customerNo, reason, servedBy: this.servedBy });
    return result.outcome === 'invalid' ? { outcome: 'invalid', mistakes: [] } : result;
  }

  async version(): Promise<string> {
    return this.servedBy;
  }

  private orderOf(request: TransferRequest, money: OrderRequest['amount']): OrderRequest {
    const { channel, key, customerNo, payerAccountNo, payeeAccountNo, narrative } = request;
    return {
      channel,
      key,
      function: SINGLE_TRANSFER,
      customerNo,
      amount: money,
      payerAccountNo,
      payeeAccountNo,
      narrative,
      booking: [
        { accountNo: payerAccountNo, side: 'DEBIT', money, owner: customerNo, kind: 'CUSTOMER' },
        { accountNo: payeeAccountNo, side: 'CREDIT', money, kind: 'CUSTOMER' },
      ],
      servedBy: this.servedBy,
    };
  }
}
