/** Error codes of the money pipeline. */

/** Codes the pipeline throws or answers by itself; each slot adds its own. */
export const PipelineErrors = {
  /** The idempotency key was used for another request. */
  keyReused: 'KEY_REUSED',
  /** A request with the same key is still running. */
  keyBusy: 'KEY_BUSY',
  /** A slot has no provider, or a service that is needed is gone: try again later, the key is not used up. */
  unavailable: 'SERVICE_UNAVAILABLE',
  /** No order has this number. */
  orderUnknown: 'ORDER_UNKNOWN',
  /** The order is in a state that does not allow this. */
  orderState: 'ORDER_STATE',
  /** A step threw, or asked for something impossible. A fault of the bundle named in the details. */
  stepFailed: 'PIPELINE_STEP_FAILED',
  /** A reservation does not fit under its ceiling any more. */
  counterExceeded: 'COUNTER_EXCEEDED',
  /** The order does not wait for this answer. */
  continuationInvalid: 'CONTINUATION_INVALID',
  /** The account does not belong to the customer who orders. */
  accountForeign: 'ACCOUNT_FOREIGN',
} as const;
