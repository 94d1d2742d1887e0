/** Names of functions, steps and fields. */
import { message, type DictionaryEntry } from '../domain/entry.js';

/** Entries that name something. */
export const LABELS: readonly DictionaryEntry[] = [
  message('FUNCTION_TRANSFER_SINGLE', 'LABEL', ['单笔转账', 'Single transfer']),
  message('STEP_ENTER', 'LABEL', ['填写', 'Enter']),
  message('STEP_CONFIRM', 'LABEL', ['确认', 'Confirm']),
  message('FIELD_PAYER_ACCOUNT', 'LABEL', ['付款账户', 'From account']),
  message('FIELD_PAYEE_ACCOUNT', 'LABEL', ['收款账户', 'To account']),
  message('FIELD_AMOUNT', 'LABEL', ['金额', 'Amount']),
  message('FIELD_CURRENCY', 'LABEL', ['币种', 'Currency']),
  message('FIELD_NARRATIVE', 'LABEL', ['附言', 'Message']),
  message('FIELD_EXECUTION_DATE', 'LABEL', ['执行日期', 'Date of execution']),
];
