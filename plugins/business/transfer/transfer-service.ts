/**
 * Single transfers: turns what a customer entered into an order with two legs, and submits it to the money pipeline.
 * Leaves to the pipeline: keys, limits, fees, funds, the transaction. Leaves to channels: how it looks.
 */
import { Component, Context, Reference, codeOf, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { Ledger } from '@sluice/core-api';
import { Calendar, WHOLE_BANK } from '@sluice/operation-api';
import { Pipeline, PipelineErrors, type OrderRequest, type OrderView, type SubmitResult } from '@sluice/pipeline-api';
import {
  Transfers,
  type InputMistake,
  type TransferCancellation,
  type TransferRequest,
  type TransferResult,
  type TransferReversal,
} from '@sluice/product-api';
import { checkAccounts, checkInput, enteredAccountNos, mistakesOfPipeline, type CheckedTransfer } from './domain/transfer-input.js';
import { SINGLE_TRANSFER } from './functions.js';

/** Executes, finds, cancels and reverses transfers. */
@Component({ provides: Transfers })
export class TransferService implements ServiceOf<typeof Transfers> {
  /** Told with every answer, so that a swap of this bundle can be seen from outside. */
  private readonly servedBy: string;
  private readonly clock: BundleContext['clock'];

  constructor(
    @Reference(Pipeline) private readonly pipeline: ServiceOf<typeof Pipeline>,
    @Reference(Ledger) private readonly ledger: ServiceOf<typeof Ledger>,
    @Reference(Calendar) private readonly calendar: ServiceOf<typeof Calendar>,
    @Context() context: BundleContext,
  ) {
    this.servedBy = `${context.bundle.symbolicName}@${context.bundle.version}`;
    this.clock = context.clock;
  }

  async transfer(request: TransferRequest): Promise<TransferResult> {
    const { transfer, mistakes } = checkInput(request, this.today(request.currency));
    // Only a request that fails anyway costs a look at the accounts; a good one is read once, by the pipeline.
    if (transfer === undefined) {
      const accounts = await this.ledger.findAll([...enteredAccountNos(request)]);
      return this.invalid(request, [...mistakes, ...checkAccounts(request, request.customerNo, accounts)]);
    }
    const result = await this.submit(request, transfer);
    return result.outcome === 'invalid' ? this.invalid(request, mistakesOfPipeline(transfer, result.mistakes)) : result;
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

  async cancel({ channel, customerNo, orderNo }: TransferCancellation): Promise<OrderView | null> {
    if ((await this.find(customerNo, orderNo)) === null) return null;
    return this.pipeline.cancel({ orderNo, channel, actor: customerNo });
  }

  async version(): Promise<string> {
    return this.servedBy;
  }

  private today(currency: unknown): string {
    const scope = { institution: WHOLE_BANK, currency: typeof currency === 'string' ? currency : WHOLE_BANK };
    return this.calendar.businessDate(scope, this.clock.now());
  }

  private async submit(request: TransferRequest, transfer: CheckedTransfer): Promise<SubmitResult> {
    try {
      return await this.pipeline.submit(this.orderOf(request, transfer));
    } catch (error) {
      // A key that was used for another request is a mistake of the client, and leaves the same trace as any other.
      if (codeOf(error) === PipelineErrors.keyReused) await this.note(request, [{ field: 'key', code: PipelineErrors.keyReused }]);
      throw error;
    }
  }

  private async invalid(request: TransferRequest, mistakes: readonly InputMistake[]): Promise<TransferResult> {
    await this.note(request, mistakes);
    return { outcome: 'invalid', mistakes: [...mistakes] };
  }

  private async note({ channel, customerNo }: TransferRequest, mistakes: readonly Pick<InputMistake, 'field' | 'code'>[]): Promise<void> {
    const named = mistakes.map(({ field, code }) => ({ field, code }));
    await this.pipeline.noteInvalid({ channel, customerNo, function: SINGLE_TRANSFER.function, mistakes: named });
  }

  private orderOf({ channel, customerNo }: TransferRequest, transfer: CheckedTransfer): OrderRequest {
    const { key, payerAccountNo, payeeAccountNo, money, narrative, executeOn } = transfer;
    return {
      channel,
      key,
      function: SINGLE_TRANSFER.function,
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
      ...(executeOn === undefined ? {} : { executeOn }),
    };
  }
}
