/** Mistakes in what was entered. `{found}` and `{expected}` are data of the mistake. */
import { message, type DictionaryEntry } from '../domain/entry.js';

/** Entries for single fields and for requests as a whole. */
export const MISTAKES: readonly DictionaryEntry[] = [
  message(
    'INPUT_INVALID',
    'REFUSAL',
    ['填写的内容有误，请更正后重试。', 'Something you entered needs correcting.'],
    ['输入有误', 'Please correct your entry'],
  ),
  message('FIELD_MISSING', 'REFUSAL', ['此项必须填写。', 'This field is required.'], ['缺少必填项', 'A field is missing']),
  message(
    'FIELD_NOT_TEXT',
    'REFUSAL',
    ['此项必须是文本，收到的是{found}。', 'This field must be text, found {found}.'],
    ['格式错误', 'Wrong format'],
  ),
  message(
    'FIELD_TOO_LONG',
    'REFUSAL',
    ['此项最多{expected}个字符。', 'This field has at most {expected} characters.'],
    ['内容过长', 'Entry is too long'],
  ),
  message(
    'FIELD_CONTROL_CHARACTER',
    'REFUSAL',
    ['此项含有不可见的控制字符。', 'This field holds an invisible control character.'],
    ['含有非法字符', 'Invalid character'],
  ),
  message('FIELD_UNKNOWN', 'REFUSAL', ['没有这一项。', 'There is no such field.'], ['未知的项目', 'Unknown field']),
  message(
    'KEY_MISSING',
    'REFUSAL',
    ['资金交易必须带有客户端生成的幂等键。', 'A call that moves money needs an idempotency key made by the client.'],
    ['缺少幂等键', 'Idempotency key missing'],
  ),
  message(
    'KEY_INVALID',
    'REFUSAL',
    ['幂等键为{expected}个可见字符。', 'An idempotency key has {expected} visible characters.'],
    ['幂等键无效', 'Idempotency key invalid'],
  ),
  message(
    'AMOUNT_NOT_DECIMAL',
    'REFUSAL',
    ['金额只能由数字和至多一个小数点组成，例如{expected}。', 'An amount is written with digits and at most one point, e.g. {expected}.'],
    ['金额格式错误', 'Amount is not a number'],
  ),
  message(
    'AMOUNT_TOO_FINE',
    'REFUSAL',
    ['金额小数位最多{expected}位。', 'An amount in this currency has at most {expected} digits after the point.'],
    ['金额小数位过多', 'Too many decimals'],
  ),
  message(
    'AMOUNT_TOO_LONG',
    'REFUSAL',
    ['金额最多{expected}位数字，含小数位。', 'An amount has at most {expected} digits, those after the point included.'],
    ['金额位数过多', 'Amount is too long'],
  ),
  message(
    'AMOUNT_NOT_POSITIVE',
    'REFUSAL',
    ['金额必须大于零，收到的是{found}。', 'An amount is more than zero, found {found}.'],
    ['金额必须大于零', 'Amount must be above zero'],
  ),
  message(
    'CURRENCY_UNKNOWN',
    'REFUSAL',
    ['本行不办理该币种的账户。', 'The bank keeps no accounts in this currency.'],
    ['币种不支持', 'Currency not supported'],
  ),
  message(
    'ACCOUNT_NUMBER_INVALID',
    'REFUSAL',
    ['账号只能由大写字母、数字和连字符组成。', 'An account number has capital letters, digits and hyphens only.'],
    ['账号格式错误', 'Account number is invalid'],
  ),
  message(
    'SAME_ACCOUNT',
    'REFUSAL',
    ['付款账户与收款账户相同。', 'Payer and payee are the same account.'],
    ['收付款账户相同', 'Payer and payee are the same'],
  ),
  message(
    'DATE_INVALID',
    'REFUSAL',
    ['没有这一天，日期的格式为{expected}。', 'There is no such date; a date is written as {expected}.'],
    ['日期无效', 'No such date'],
  ),
  message(
    'DATE_PAST',
    'REFUSAL',
    ['日期已过，最早为{expected}。', 'The date is past; the earliest is {expected}.'],
    ['日期已过', 'The date is past'],
  ),
  message(
    'DATE_TOO_FAR',
    'REFUSAL',
    ['日期太远，最晚为{expected}。', 'The date is too far ahead; the latest is {expected}.'],
    ['日期太远', 'The date is too far'],
  ),
];
