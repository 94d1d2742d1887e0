/** Version 1.1: a transfer without a narrative gets one, so that the payee sees what came in. */
import { Ledger } from '@sluice/core-api';
import { Calendar } from '@sluice/operation-api';
import { Pipeline } from '@sluice/pipeline-api';
import { Transfers, type TransferCancellation, type TransferRequest, type TransferReversal } from '@sluice/product-api';
import { Component, Context, defineBundle, Reference, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { TransferService } from '../../../../plugins/business/transfer/transfer-service.js';

@Component({ provides: Transfers })
class ExplainedTransfers implements ServiceOf<typeof Transfers> {
  readonly #inner: TransferService;

  constructor(
    @Reference(Pipeline) pipeline: ServiceOf<typeof Pipeline>,
    @Reference(Ledger) ledger: ServiceOf<typeof Ledger>,
    @Reference(Calendar) calendar: ServiceOf<typeof Calendar>,
    @Context() context: BundleContext,
  ) {
    this.#inner = new TransferService(pipeline, ledger, calendar, context);
  }

  transfer(request: TransferRequest): ReturnType<TransferService['transfer']> {
    const narrative = request.narrative === undefined || request.narrative === '' ? '转账 transfer' : request.narrative;
    return this.#inner.transfer({ ...request, narrative });
  }

  find(customerNo: string, orderNo: string): ReturnType<TransferService['find']> {
    return this.#inner.find(customerNo, orderNo);
  }

  reverse(reversal: TransferReversal): ReturnType<TransferService['reverse']> {
    return this.#inner.reverse(reversal);
  }

  cancel(cancellation: TransferCancellation): ReturnType<TransferService['cancel']> {
    return this.#inner.cancel(cancellation);
  }

  version(): Promise<string> {
    return this.#inner.version();
  }
}

export default defineBundle({ components: [ExplainedTransfers] });
