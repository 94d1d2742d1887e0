/**
 * Who owns which table: a bundle's tables begin with its symbolic name, dots and dashes written as underscores. Pure.
 */
import { SluiceError } from '@sluice/sdk';

const SHORT_NAME = /^[a-z][a-z0-9_]*$/;
/** PostgreSQL cuts longer names silently, which would let two tables meet. */
const NAME_LENGTH_MAX = 63;

/** Prefix of the tables of a bundle: `core.ledger` owns `core_ledger_...`. */
export function prefixOf(symbolicName: string): string {
  return `${symbolicName.toLowerCase().replace(/[.-]/g, '_')}_`;
}

/**
 * Full name of a table of a bundle.
 * @throws SluiceError `DATA_TABLE_NAME_INVALID`.
 */
export function tableName(symbolicName: string, shortName: string): string {
  const full = prefixOf(symbolicName) + shortName;
  if (SHORT_NAME.test(shortName) && full.length <= NAME_LENGTH_MAX) return full;
  throw new SluiceError(
    'DATA_TABLE_NAME_INVALID',
    `Table name '${shortName}' of bundle '${symbolicName}' cannot be used: expected lower-case letters, digits and underscores, and at most ${NAME_LENGTH_MAX} characters with the prefix (found ${full.length})`,
    { details: { bundle: symbolicName, table: shortName, length: full.length }, remedy: 'Choose a shorter, lower-case name.' },
  );
}

/** Turns a model name into a short table name: `TransferLeg` becomes `transfer_leg`. */
export function shortNameOf(modelName: string): string {
  return modelName
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}

/**
 * Checks that a full table name belongs to a bundle.
 * @throws SluiceError `DATA_TABLE_FOREIGN`.
 */
export function checkOwned(symbolicName: string, fullName: string): void {
  const prefix = prefixOf(symbolicName);
  if (fullName.startsWith(prefix) && fullName.length > prefix.length) return;
  throw new SluiceError(
    'DATA_TABLE_FOREIGN',
    `Bundle '${symbolicName}' may not define table '${fullName}': its tables begin with '${prefix}'`,
    {
      details: { bundle: symbolicName, table: fullName, prefix },
      remedy: "Use table('name') for an own table; reach the data of another bundle through its service.",
    },
  );
}
