/** An attribute for 64-bit integers that models read and write as bigint. Inside Sequelize the value travels as digits. */
import { asBigint, SluiceError } from '@sluice/sdk';
import type { Model, ModelAttributeColumnOptions } from 'sequelize';
import { INT64_MAX, INT64_MIN } from '../domain/values.js';
import { sequelizeLibrary } from './sequelize-library.js';

/** Makes the attribute for a column. */
export function bigintAttribute(
  column: string,
  options: { allowNull?: boolean; defaultValue?: bigint; primaryKey?: boolean } = {},
): ModelAttributeColumnOptions {
  return {
    type: sequelizeLibrary().DataTypes.BIGINT,
    field: column,
    allowNull: options.allowNull ?? false,
    primaryKey: options.primaryKey ?? false,
    ...(options.defaultValue === undefined ? {} : { defaultValue: digits(options.defaultValue, column) }),
    get(this: Model, name?: string) {
      const value: unknown = this.getDataValue((name ?? column) as never);
      return value === null || value === undefined ? value : asBigint(value);
    },
    set(this: Model, value: unknown, name?: string) {
      this.setDataValue((name ?? column) as never, digits(value, name ?? column) as never);
    },
  } as ModelAttributeColumnOptions;
}

/** @throws SluiceError `DATA_VALUE_INVALID` for what is not a 64-bit integer or may have lost digits. */
function digits(value: unknown, name: string): unknown {
  if (value === null || value === undefined) return value;
  // An expression such as sequelize.literal('balance + 1').
  if (typeof value === 'object') return value;
  const exact =
    typeof value === 'bigint' ? value : typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : digitsOf(value);
  if (exact !== null && exact >= INT64_MIN && exact <= INT64_MAX) return exact.toString();
  throw new SluiceError(
    'DATA_VALUE_INVALID',
    `Attribute '${name}' takes 64-bit integers as bigint (or safe numbers), found ${describe(value)}`,
    {
      details: { attribute: name },
      remedy: 'Write the amount as bigint, e.g. 12_50n.',
    },
  );
}

function digitsOf(value: unknown): bigint | null {
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : null;
}

function describe(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number above 2^53' : 'a fraction';
  return typeof value === 'bigint' ? 'a bigint outside 64 bits' : `a ${typeof value}`;
}
