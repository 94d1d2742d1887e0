/** A component that provides a service. The kernel builds it, registers it, and withdraws it when the bundle stops. */
import { Component, defineBundle, SluiceError } from '@sluice/sdk';
import { Rates, type RatesService } from '@sluice-examples/rates-api';

const RATES: Readonly<Record<string, string>> = { CNY: '1', EUR: '7.80', USD: '7.10' };

/** Rates from a table. */
@Component({ provides: Rates })
export class TableRates implements RatesService {
  async rate(currency: string): Promise<string> {
    const rate = RATES[currency];
    if (rate !== undefined) return rate;
    throw new SluiceError('RATE_UNKNOWN', `There is no rate for ${currency}`, {
      details: { currency, known: Object.keys(RATES) },
      remedy: `Ask for one of ${Object.keys(RATES).join(', ')}.`,
      httpStatus: 404,
    });
  }
}

export default defineBundle({ components: [TableRates] });
