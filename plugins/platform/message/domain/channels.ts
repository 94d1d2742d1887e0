/**
 * The channels and how much text each can show. Pure.
 * Always holds: a channel that is not listed gets the full wording, so that a new channel works before anybody adds it here.
 */
import type { Language } from '@sluice/channel-api';

/** How a channel shows a message. */
export interface ChannelForm {
  readonly wording: 'full' | 'short';
  /** Most characters, by language. */
  readonly charactersMax: Readonly<Record<Language, number>>;
}

const PAGE: ChannelForm = { wording: 'full', charactersMax: { zh: 120, en: 200 } };
/** One short message: 70 characters in UCS-2, 160 in the 7-bit alphabet. */
const SHORT_MESSAGE: ChannelForm = { wording: 'full', charactersMax: { zh: 70, en: 160 } };
const VOICE: ChannelForm = { wording: 'full', charactersMax: { zh: 70, en: 160 } };
/** Two lines of a terminal. */
const TERMINAL: ChannelForm = { wording: 'short', charactersMax: { zh: 20, en: 40 } };

/** All channels of the bank. */
export const CHANNELS: Readonly<Record<string, ChannelForm>> = {
  'personal-web': PAGE,
  'corporate-web': PAGE,
  'merchant-web': PAGE,
  mobile: PAGE,
  wechat: PAGE,
  social: PAGE,
  phone: VOICE,
  sms: SHORT_MESSAGE,
  email: PAGE,
  atm: TERMINAL,
  pos: TERMINAL,
  kiosk: PAGE,
  tv: TERMINAL,
  qr: TERMINAL,
  gateway: PAGE,
  direct: PAGE,
  teller: PAGE,
};

/** The form of a channel. */
export function formOf(channel: string): ChannelForm {
  return Object.hasOwn(CHANNELS, channel) ? (CHANNELS[channel] as ChannelForm) : PAGE;
}
