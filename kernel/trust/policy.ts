/** How strictly a kernel takes the rules of trust: signatures, names of keys, one content per version, no way down. Pure. */
import { SluiceError } from '@sluice/sdk/dist/error.js';
import type { TrustProblem } from './verdict.js';

/** `off`: nothing is looked at. `warn`: what breaks a rule is told and done all the same. `require`: it is refused. */
export const POLICIES = ['off', 'warn', 'require'] as const;
/** One policy. */
export type Policy = (typeof POLICIES)[number];

/** What a kernel does unless told otherwise: it tells, so that nobody thinks he is protected when he is not. */
export const POLICY_DEFAULT: Policy = 'warn';

/**
 * Reads the settings file `trust/settings.json`: `{ "policy": "require" }`.
 * @throws SluiceError `TRUST_SETTINGS_INVALID`: a policy that cannot be read must not silently become a weaker one.
 */
export function parsePolicy(text: string): Policy {
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (cause) {
    throw settingsInvalid('it is no JSON', cause);
  }
  if (typeof settings !== 'object' || settings === null) throw settingsInvalid('it is no object');
  const unknown = Object.keys(settings).filter((key) => key !== 'policy');
  if (unknown.length > 0) throw settingsInvalid(`'${unknown.join("', '")}' is unknown, expected 'policy'`);
  const { policy } = settings as { policy?: unknown };
  if ((POLICIES as readonly unknown[]).includes(policy)) return policy as Policy;
  throw settingsInvalid(`'policy' is ${JSON.stringify(policy) ?? 'missing'}, expected ${POLICIES.join(', ')}`);
}

/** Several problems as one error: the code of the first, the text of all. */
export function refusal(problems: readonly [TrustProblem, ...TrustProblem[]]): SluiceError {
  const [{ code, details, remedy }] = problems;
  return new SluiceError(code, problems.map((one) => one.message).join('\n'), {
    details: problems.length === 1 ? details : { problems },
    httpStatus: 422,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

function settingsInvalid(reason: string, cause?: unknown): SluiceError {
  return new SluiceError('TRUST_SETTINGS_INVALID', `Cannot read trust/settings.json: ${reason}`, {
    remedy: 'Write { "policy": "require" }, or "warn", or "off"',
    ...(cause === undefined ? {} : { cause }),
  });
}
