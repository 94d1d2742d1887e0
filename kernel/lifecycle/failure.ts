/** Anything thrown, as an error with a code. */
import { codeOf, isSluiceError, messageOf, SluiceError } from '@sluice/sdk';

/** Anything thrown as an error of ours, with the bundle's own error as cause. */
export function asSluiceError(error: unknown): SluiceError {
  if (isSluiceError(error)) return error;
  return new SluiceError('BUNDLE_FAILED', `A bundle failed: ${messageOf(error)}`, {
    cause: error,
    details: { code: codeOf(error) },
    remedy: 'The log around this time names the bundle and the line; mend it and try again.',
  });
}
