/** Configuration of the policy bundle, read into whole numbers once. */
import { SluiceError, messageOf } from '@sluice/sdk';
import { configuredMinor, scaledDecimal, type FeeSchedule } from './domain/fee.js';

/** Configuration as the manifest describes it: amounts and rates are decimal text. */
export interface PolicyConfig {
  /** Largest principal of one order, by currency. A currency without one cannot be ordered in. */
  readonly orderCeiling: Readonly<Record<string, string>>;
  /** Fee on top of the principal, by currency; no entry, no fee. */
  readonly fee: Readonly<Record<string, { readonly flat: string; readonly perMille: string }>>;
}

/** Digits after the point of a rate per mille. */
const PER_MILLE_DIGITS = 3;

/** Ceilings in minor units, by currency. @throws SluiceError `CONFIG_INVALID`. */
export function ceilingsOf(config: PolicyConfig): ReadonlyMap<string, bigint> {
  return readAll('orderCeiling', config.orderCeiling, configuredMinor);
}

/** Fee schedules by currency. @throws SluiceError `CONFIG_INVALID`. */
export function feesOf(config: PolicyConfig): ReadonlyMap<string, FeeSchedule> {
  return readAll('fee', config.fee, ({ flat, perMille }, currency) => ({
    flatMinor: configuredMinor(flat, currency),
    perMilleThousandths: scaledDecimal(perMille, PER_MILLE_DIGITS),
  }));
}

function readAll<V, R>(key: string, values: Readonly<Record<string, V>>, read: (value: V, currency: string) => R): ReadonlyMap<string, R> {
  return new Map(
    Object.entries(values).map(([currency, value]) => {
      try {
        return [currency, read(value, currency)];
      } catch (error) {
        throw new SluiceError('CONFIG_INVALID', `Configuration of platform.policy not taken: '${key}.${currency}': ${messageOf(error)}`, {
          details: { key: `${key}.${currency}` },
          remedy: 'Write amounts as decimal text, e.g. "5000000.00", in a currency the bank keeps.',
        });
      }
    }),
  );
}
