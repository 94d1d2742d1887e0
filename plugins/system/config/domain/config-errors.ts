/** The refusals of the configuration source, in one place so that codes and texts stay together. */
import { messageOf, SluiceError } from '@sluice/sdk';
import { bundleOf, isTarget } from './targets.js';
import type { FileMistake } from './value-file.js';

const BUNDLE_NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*$/;

/** True for a symbolic name. Anything else could leave the folder. */
export function isBundleName(name: string): boolean {
  return name.length <= 100 && BUNDLE_NAME.test(name);
}

/** True for the name of a configuration: a symbolic name, with or without a version. */
export function isConfigurationName(name: string): boolean {
  return isBundleName(bundleOf(name)) && isTarget(name);
}

/** @throws SluiceError `CONFIG_BUNDLE_NAME_INVALID` */
export function checkBundleName(bundle: string): void {
  if (isBundleName(bundle)) return;
  throw new SluiceError(
    'CONFIG_BUNDLE_NAME_INVALID',
    `Cannot keep configuration for '${bundle.slice(0, 100)}': that is not a symbolic name such as 'core.ledger'`,
    {
      details: { bundle: bundle.slice(0, 100) },
      remedy: "Use the name that 'sluice ls' shows.",
      httpStatus: 400,
    },
  );
}

/** A file that cannot be read, and nothing to fall back to. */
export function fileInvalid(bundle: string, layer: string, path: string, mistake: FileMistake): SluiceError {
  return new SluiceError(
    'CONFIG_FILE_INVALID',
    `Cannot read the ${layer} configuration of '${bundle}' in '${path}': found ${mistake.found}, expected ${mistake.expected}`,
    {
      details: { bundle, layer, path, ...mistake },
      remedy: 'Correct the file, or remove it to use the shipped values.',
    },
  );
}

/** Run time may not set what the operator fixed. */
export function keyLocked(bundle: string, key: string, path: string): SluiceError {
  return new SluiceError('CONFIG_KEY_LOCKED', `Cannot set '${key}' of '${bundle}': the operator has locked it in '${path}'`, {
    details: { bundle, key, path },
    remedy: `Change the value in the file, or take '${key}' out of its "$locked" list.`,
    httpStatus: 409,
  });
}

/** A key or value that a file cannot hold. */
export function keyInvalid(bundle: string, found: string): SluiceError {
  return new SluiceError(
    'CONFIG_VALUE_INVALID',
    `Cannot set the configuration of '${bundle}': found ${found}, expected keys with JSON values`,
    {
      details: { bundle, found },
      remedy: "Use the keys of the bundle's configuration schema.",
      httpStatus: 400,
    },
  );
}

/** The disk refused. Nothing was changed. */
export function writeFailed(bundle: string, path: string, cause: unknown): SluiceError {
  return new SluiceError(
    'CONFIG_WRITE_FAILED',
    `Cannot write '${path}' for '${bundle}': ${messageOf(cause)}. The values before stay in force`,
    {
      details: { bundle, path },
      remedy: 'Free space or correct the rights of the folder, then set the values again.',
      cause,
      retryable: true,
    },
  );
}
