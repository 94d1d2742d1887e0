/** The words of this channel: codes of the dictionary in the language the client prefers. */
import { isSluiceError, SluiceError, type RouteDefinition, type ServiceOf } from '@sluice/sdk';
import { preferredLanguage, type Messages } from '@sluice/channel-api';
import { CHANNEL, type WithHeaders } from './routes/authenticate.js';

/** Says what a code means. */
export type Say = (code: string, values?: Readonly<Record<string, string | null>>) => string;

/** Makes {@link Say} for the client of a request. */
export type Speaker = (request: WithHeaders) => Say;

/** Speaks from the dictionary. */
export function speakerOf(messages: ServiceOf<typeof Messages>): Speaker {
  return ({ headers }) => {
    const { 'accept-language': wanted } = headers;
    const language = preferredLanguage(typeof wanted === 'string' ? wanted : undefined);
    return (code, values = {}) => messages.text({ code, channel: CHANNEL, language, values: known(values) });
  };
}

/** A route whose expected errors are told in the words of the dictionary. Faults pass as they are: a customer sees their code only. */
export function worded(route: RouteDefinition, messages: ServiceOf<typeof Messages>): RouteDefinition {
  const speak = speakerOf(messages);
  return {
    ...route,
    async handler(request) {
      try {
        return await route.handler(request);
      } catch (error) {
        if (!isSluiceError(error) || error.httpStatus === 500 || !messages.has(error.code)) throw error;
        const { code, details, retryable, httpStatus } = error;
        throw new SluiceError(code, speak(request)(code, textsOf(details)), { details, retryable, httpStatus, cause: error });
      }
    },
  };
}

function known(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null));
}

function textsOf(details: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(details).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
