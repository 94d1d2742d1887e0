/** The functions of this bundle as data: what every channel renders in its own way, and what the checks of fields go by. */
import type { FunctionDescriptor } from '@sluice/channel-api';
import { CoreErrors } from '@sluice/core-api';
import { ORDER_STATES, PipelineErrors } from '@sluice/pipeline-api';
import { TransferMistakes } from '@sluice/product-api';

/** A single transfer between accounts of this bank, at once or on a later date. */
export const SINGLE_TRANSFER: FunctionDescriptor = {
  function: 'transfer.single',
  title: 'FUNCTION_TRANSFER_SINGLE',
  steps: [
    {
      name: 'enter',
      label: 'STEP_ENTER',
      fields: ['payerAccountNo', 'payeeAccountNo', 'amount', 'currency', 'narrative', 'executionDate'],
      commits: false,
    },
    { name: 'confirm', label: 'STEP_CONFIRM', fields: [], commits: true },
  ],
  fields: [
    { name: 'payerAccountNo', kind: 'account', required: true, charactersMax: 32, label: 'FIELD_PAYER_ACCOUNT' },
    { name: 'payeeAccountNo', kind: 'account', required: true, charactersMax: 32, label: 'FIELD_PAYEE_ACCOUNT' },
    { name: 'amount', kind: 'amount', required: true, charactersMax: 60, label: 'FIELD_AMOUNT' },
    { name: 'currency', kind: 'currency', required: true, charactersMax: 10, label: 'FIELD_CURRENCY' },
    { name: 'narrative', kind: 'text', required: false, charactersMax: 140, label: 'FIELD_NARRATIVE' },
    { name: 'executionDate', kind: 'date', required: false, charactersMax: 10, label: 'FIELD_EXECUTION_DATE' },
  ],
  mistakes: [
    ...Object.values(TransferMistakes),
    CoreErrors.accountUnknown,
    CoreErrors.accountClosed,
    CoreErrors.accountFrozen,
    CoreErrors.currencyMismatch,
    PipelineErrors.accountForeign,
  ],
  states: ORDER_STATES.map((state) => `STATE_${state}`),
  movesMoney: true,
};
