/** The contract between provider and consumer. Types follow from it; adding a method is a minor step, changing one a major step. */
import { contract, method, Type, type ServiceOf } from '@sluice/sdk';

/** Gives exchange rates. */
export const Rates = contract('example.Rates', '1.0.0', {
  rate: method([Type.String({ pattern: '^[A-Z]{3}$' })], Type.String(), 'Units of CNY for one unit of a currency, as decimal text'),
});
export type RatesService = ServiceOf<typeof Rates>;
