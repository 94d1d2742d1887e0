/** Error codes of customers and logins. */

/** Codes of logins and sessions. */
export const CustomerErrors = {
  /** Login name or password is wrong; which of the two is not said. */
  loginRefused: 'LOGIN_REFUSED',
  /** Too many wrong passwords in a row: the login is locked on all channels for some time. */
  loginLocked: 'LOGIN_LOCKED',
  /** More logins at once than the password check can bear; try again later. */
  loginBusy: 'LOGIN_BUSY',
  /** No session, or it is over. */
  sessionInvalid: 'SESSION_INVALID',
} as const;
