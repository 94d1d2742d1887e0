/** Logins and sessions. A session belongs to one channel and one customer, and ends when it is idle too long. */
import { Type, contract, method, type Static } from '@sluice/sdk';
import { CustomerViewSchema } from './customers.js';

/** Schema of {@link LoginRequest}. */
export const LoginRequestSchema = Type.Object(
  {
    channel: Type.String({ minLength: 1, maxLength: 30 }),
    login: Type.String({ minLength: 1, maxLength: 60 }),
    password: Type.String({ minLength: 1, maxLength: 200 }),
  },
  { additionalProperties: false, $id: 'LoginRequest' },
);

/** A login by name and password. */
export type LoginRequest = Static<typeof LoginRequestSchema>;

/** Schema of {@link LoginResult}. */
export const LoginResultSchema = Type.Union([
  Type.Object(
    {
      outcome: Type.Literal('opened'),
      /** Bearer token of 256 random bits, base64url. Kept nowhere but with the client. */
      token: Type.String(),
      customer: CustomerViewSchema,
      /** Milliseconds without a request after which the session ends. */
      idleMs: Type.Integer(),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      outcome: Type.Literal('refused'),
      code: Type.Union([Type.Literal('LOGIN_REFUSED'), Type.Literal('LOGIN_LOCKED')]),
      /** Milliseconds since 1970 until which a locked login stays locked. */
      lockedUntil: Type.Union([Type.Number(), Type.Null()]),
    },
    { additionalProperties: false },
  ),
]);

/** Answer to a login. */
export type LoginResult = Static<typeof LoginResultSchema>;

/** Schema of {@link SessionView}. */
export const SessionViewSchema = Type.Object(
  { customerNo: Type.String(), channel: Type.String(), openedAt: Type.Number() },
  { additionalProperties: false, $id: 'SessionView' },
);

/** A living session. */
export type SessionView = Static<typeof SessionViewSchema>;

/** Opens, checks and ends sessions. */
export const Sessions = contract('customer.Sessions', '1.0.0', {
  login: method([LoginRequestSchema], LoginResultSchema, 'Checks a password and opens a session.'),
  authenticate: method(
    [Type.String(), Type.String()],
    Type.Union([SessionViewSchema, Type.Null()]),
    'The living session of a channel and token, or null.',
  ),
  logout: method([Type.String(), Type.String()], Type.Boolean(), 'Ends a session of a channel by its token; false when there was none.'),
});
