/** Version 1.3: starts, is healthy, and fails one transfer in three. Only live traffic shows it. */
import { Ledger } from '@sluice/core-api';
import { Calendar } from '@sluice/operation-api';
import { Pipeline } from '@sluice/pipeline-api';
import { Transfers, type TransferCancellation, type TransferRequest, type TransferReversal } from '@sluice/product-api';
import { Component, Context, defineBundle, Reference, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { TransferService } from '../../../../plugins/business/transfer/transfer-service.js';

@Component({ provides: Transfers })
class FailingTransfers implements ServiceOf<typeof Transfers> {
  readonly #inner: TransferService;
  #calls = 0;

  constructor(
    @Reference(Pipeline) pipeline: ServiceOf<typeof Pipeline>,
    @Reference(Ledger) ledger: ServiceOf<typeof Ledger>,
    @Reference(Calendar) calendar: ServiceOf<typeof Calendar>,
    @Context() context: BundleContext,
  ) {
    this.#inner = new TransferService(pipeline, ledger, calendar, context);
  }

  transfer(request: TransferRequest): ReturnType<TransferService['transfer']> {
    this.#calls += 1;
    if (this.#calls % 3 === 0) throw new Error('version 1.3 has a mistake');
    return this.#inner.transfer(request);
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

export default defineBundle({ components: [FailingTransfers] });
