/** One function for all channels: the same rows whoever asks, one description of it, and no way round the layers. */
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArchive } from '@sluice/kernel/host/archive';
import { bankAccountNo } from '@sluice/core-api';
import { BUNDLES } from '../../support/system.js';
import { SINGLE_TRANSFER } from '../../../plugins/business/transfer/functions.js';
import { TransferBody } from '../../../plugins/channel/mobile/schemas.js';
import { ENTRIES } from '../../../plugins/platform/message/texts/all.js';
import { BankUnderTest } from './bank-under-test.js';

describe('one function for all channels', () => {
  let bank: BankUnderTest;
  before(async () => {
    bank = await BankUnderTest.start('sqlite', { 'platform.policy': { fee: { CNY: { flat: '0.50', perMille: '1' } } } });
  });
  after(() => bank?.stop());

  it('GS1: the same transfer sent by five channels gives identical ledger rows, and orders that differ in the channel only', async () => {
    const shown: string[] = [];
    for (const channel of ['mobile', 'atm', 'phone', 'teller', 'wechat']) {
      const result = await bank.transfer('gs1-same-transfer', { channel, amount: '12.34' });
      assert.ok(result.outcome === 'posted');
      const { orderNo } = result.order;
      const legs = await bank.sql(
        `SELECT account_no, currency, CAST(amount_minor AS TEXT) AS amount, counter_account_no FROM core_ledger_leg WHERE journal_id = '${orderNo}' ORDER BY account_no, amount_minor`,
      );
      assert.equal(legs.length, 4);
      const [journal] = await bank.sql(`SELECT kind, narrative, leg_count FROM core_ledger_journal WHERE journal_id = '${orderNo}'`);
      const [order] = await bank.sql(
        `SELECT function, state, customer_no, CAST(amount_minor AS TEXT) AS amount, CAST(fee_minor AS TEXT) AS fee, booking, records, channel FROM platform_txn_order WHERE order_no = '${orderNo}'`,
      );
      assert.equal(order?.channel, channel);
      shown.push(JSON.stringify([legs, journal, { ...order, channel: null }]));
    }
    assert.equal(new Set(shown).size, 1, shown.join('\n'));
    assert.equal((await bank.ledger.find(bankAccountNo('FEE-INCOME', 'CNY')))?.postedMinor, 5n * 51n);
  });

  it('IX4: the descriptor of the function names exactly the fields its channel takes, and only codes of the dictionary', () => {
    const codes = new Set(ENTRIES.map(({ code }) => code));
    const { fields, steps, mistakes, states, title } = SINGLE_TRANSFER;
    assert.deepEqual(
      fields.map(({ name }) => name),
      Object.keys((TransferBody as { properties: object }).properties),
    );
    assert.deepEqual(
      steps.flatMap((step) => step.fields),
      fields.map(({ name }) => name),
    );
    const used = [title, ...fields.map(({ label }) => label), ...steps.map(({ label }) => label), ...mistakes, ...states];
    assert.deepEqual(
      used.filter((code) => !codes.has(code)),
      [],
    );
  });
});

/** Layers from the bottom. System bundles are below all of them, and follow what others contribute. */
const LAYERS = ['core', 'platform', 'business', 'channel'];

interface Manifest {
  readonly symbolicName: string;
  readonly provides?: readonly { readonly contract: string }[];
  readonly requires?: readonly { readonly contract: string }[];
}

/** Requirements that only a bundle of a higher layer could meet. */
function upwardEdges(manifests: readonly Manifest[]): readonly string[] {
  const layerOf = ({ symbolicName }: Manifest): number => LAYERS.indexOf(symbolicName.split('.')[0] as string);
  return manifests.flatMap((manifest) =>
    (manifest.requires ?? [])
      .filter(({ contract }) => {
        if (layerOf(manifest) < 0) return false;
        const providers = manifests.filter(({ provides = [] }) => provides.some((provided) => provided.contract === contract));
        return providers.length > 0 && providers.every((provider) => layerOf(provider) > layerOf(manifest));
      })
      .map(({ contract }) => `${manifest.symbolicName} requires ${contract}`),
  );
}

describe('layers (GS6)', () => {
  it('GS6: no bundle of the bank requires what only a higher layer provides', () => {
    const manifests: Manifest[] = [];
    for (const name of readdirSync(BUNDLES).filter((file) => file.endsWith('.tgz'))) {
      manifests.push((readArchive(readFileSync(join(BUNDLES, name))).packageJson as { sluice: Manifest }).sluice);
    }
    assert.ok(manifests.some(({ symbolicName }) => symbolicName === 'channel.mobile'));
    assert.deepEqual(upwardEdges(manifests), []);
    const planted = { symbolicName: 'core.upward', requires: [{ contract: 'transfer.Transfers' }] };
    assert.deepEqual(upwardEdges([...manifests, planted]), ['core.upward requires transfer.Transfers']);
  });
});
