/** Who is asking: from the bearer token of a request to the customer of its session. */
import { SluiceError, type ServiceOf } from '@sluice/sdk';
import { CustomerErrors, type Sessions } from '@sluice/customer-api';

/** Name of this channel in orders, sessions and audit. */
export const CHANNEL = 'mobile';

/** Headers of a request, as far as this needs them. */
export interface WithHeaders {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The token of a request, or undefined. */
export function tokenOf({ headers }: WithHeaders): string | undefined {
  const { authorization } = headers;
  return typeof authorization === 'string' ? /^Bearer ([A-Za-z0-9_-]{20,100})$/.exec(authorization)?.[1] : undefined;
}

/**
 * Number of the customer whose session a request belongs to.
 * @throws SluiceError `SESSION_INVALID` (401).
 */
export async function authenticate(sessions: ServiceOf<typeof Sessions>, request: WithHeaders): Promise<string> {
  const token = tokenOf(request);
  const session = token === undefined ? null : await sessions.authenticate(CHANNEL, token);
  if (session !== null) return session.customerNo;
  throw new SluiceError(CustomerErrors.sessionInvalid, 'Request refused: it has no valid session', {
    remedy: 'Log in with POST /mobile/login and send the token as "Authorization: Bearer <token>".',
    httpStatus: 401,
  });
}
