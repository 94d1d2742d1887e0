/** What a customer reads about the state of an order. UNKNOWN is being processed, never failed. */
import { message, type DictionaryEntry } from '../domain/entry.js';

/** Entries `STATE_<state>`. */
export const STATES: readonly DictionaryEntry[] = [
  message('STATE_RECEIVED', 'INFO', ['已收到。', 'Received.']),
  message(
    'STATE_CHALLENGED',
    'INFO',
    ['等待您的身份确认，资金已冻结。', 'Waiting for you to confirm who you are; the money is held.'],
    ['等待身份确认', 'Waiting for your confirmation'],
  ),
  message(
    'STATE_WAITING_OTHER_CHANNEL',
    'INFO',
    ['等待您在另一渠道确认，资金已冻结。', 'Waiting for your confirmation on another channel; the money is held.'],
    ['等待另一渠道确认', 'Confirm on your other channel'],
  ),
  message(
    'STATE_HELD_BY_RISK',
    'INFO',
    ['正在安全审核，资金已冻结。', 'Being reviewed for your safety; the money is held.'],
    ['安全审核中', 'Under review'],
  ),
  message(
    'STATE_WAITING_APPROVAL',
    'INFO',
    ['等待审批，资金已冻结。', 'Waiting for approval; the money is held.'],
    ['等待审批', 'Waiting for approval'],
  ),
  message(
    'STATE_SCHEDULED',
    'INFO',
    ['已预约，资金已冻结，执行前可以撤销。', 'Scheduled; the money is held, and you may cancel until it is executed.'],
    ['已预约', 'Scheduled'],
  ),
  message('STATE_AUTHORISED', 'INFO', ['已通过，正在执行。', 'Authorised, being executed.']),
  message('STATE_SENT_TO_CORE', 'INFO', ['正在处理。', 'Being processed.']),
  message(
    'STATE_UNKNOWN',
    'INFO',
    ['正在处理，请勿重复提交。', 'Being processed; please do not order it again.'],
    ['正在处理', 'Being processed'],
  ),
  message('STATE_POSTED', 'INFO', ['已完成。', 'Done.']),
  message('STATE_REJECTED', 'INFO', ['未执行，资金未动。', 'Not executed; no money was moved.']),
  message('STATE_CANCELLED', 'INFO', ['已撤销，资金已释放。', 'Cancelled; the money is free again.']),
  message('STATE_EXPIRED', 'INFO', ['已失效，资金已释放。', 'Expired; the money is free again.']),
  message('STATE_REVERSED', 'INFO', ['已冲正，金额和手续费已退回。', 'Reversed; amount and fee were returned.']),
];
