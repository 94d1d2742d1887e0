import { strict as assert } from 'node:assert';
import { AuditLog, type AuditEntry } from '@sluice/operation-api';
import { Sealer } from '../../../plugins/platform/audit/adapters/sealer.js';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BankUnderTest, DIALECTS } from './bank-under-test.js';

const TABLES = { entry: 'platform_audit_entry', head: 'platform_audit_head' };

for (const dialect of DIALECTS) {
  describe(`audit on ${dialect}`, () => {
    let bank: BankUnderTest;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
    });
    after(() => bank?.stop());

    const entry = (subject: string): AuditEntry => ({
      at: 1,
      actor: 'officer',
      channel: 'console',
      action: 'test',
      subject,
      outcome: 'DONE',
      detail: { before: '1', after: '2' },
    });
    const append = (made: AuditEntry): Promise<void> => bank.runtime.service(AuditLog).append(made);

    /** Waits for the sealer, which nobody calls: asks again until nothing is unsealed. */
    async function sealed(): Promise<void> {
      while ((await bank.audit.verify(null)).unsealed > 0) await new Promise((resolve) => setImmediate(resolve));
    }

    it('an entry is there with its action, and gone with it', async () => {
      await assert.rejects(
        bank.data.unitOfWork(async () => {
          await append(entry('undone'));
          throw new Error('undone');
        }),
      );
      await append(entry('done'));
      assert.deepEqual([(await bank.audit.ofSubject('undone')).length, (await bank.audit.ofSubject('done')).length], [0, 1]);
    });

    it('seals by itself what is committed, under load', async () => {
      await Promise.all(Array.from({ length: 300 }, (_unused, index) => bank.transfer(`audited-load-${index}`, { amount: '0.01' })));
      await sealed();
      const { firstBad, sealed: count, head } = await bank.audit.verify(null);
      assert.deepEqual([firstBad, count, count >= 301, head.sealNo], [null, await bank.count(TABLES.entry), true, count]);
    });

    it('two sealers take turns: every entry is sealed once', async () => {
      const sealers = [new Sealer(bank.data, TABLES), new Sealer(bank.data, TABLES)];
      for (let round = 0; round < 5; round += 1) {
        await Promise.all([...Array.from({ length: 20 }, () => append(entry('turns'))), ...sealers.map((sealer) => sealer.seal())]);
      }
      await bank.audit.seal();
      const { firstBad, unsealed } = await bank.audit.verify(null);
      assert.deepEqual([firstBad, unsealed], [null, 0]);
    });

    for (const change of [
      `UPDATE ${TABLES.entry} SET actor = 'nobody'`,
      `UPDATE ${TABLES.entry} SET seal_hash = 'x' WHERE seal_no = 1`,
      `DELETE FROM ${TABLES.entry}`,
      `DELETE FROM ${TABLES.head}`,
      `UPDATE ${TABLES.head} SET seal_no = 0`,
      `INSERT INTO ${TABLES.entry} (at, actor, channel, action, subject, outcome, detail, seal_no, seal_hash) VALUES (1, '', '', '', '', '', '', 99999, 'x')`,
      ...(dialect === 'postgres' ? [`TRUNCATE ${TABLES.entry}`] : []),
    ]) {
      it(`the database refuses: ${change}`, async () => {
        await sealed();
        await assert.rejects(bank.data.execute(change), /platform_audit_immutable/);
      });
    }

    it('names the first bad entry when somebody who owns the database changes, removes or cuts', async () => {
      for (let index = 0; index < 10; index += 1) await append(entry('tampered'));
      await bank.audit.seal();
      const { head } = await bank.audit.verify(null);
      const drop = (trigger: string): string =>
        dialect === 'sqlite' ? `DROP TRIGGER ${trigger}` : `DROP TRIGGER ${trigger} ON ${TABLES.entry}`;
      await bank.data.execute(drop(`${TABLES.entry}_no_update`));
      await bank.data.execute(drop(`${TABLES.entry}_no_delete`));
      const bad = async (): Promise<string> => {
        const { firstBad } = await bank.audit.verify(null);
        return firstBad === null ? 'holds' : `${firstBad.reason} ${firstBad.sealNo - head.sealNo}`;
      };
      await bank.data.execute(`DELETE FROM ${TABLES.entry} WHERE seal_no > ?`, [head.sealNo - 1]);
      assert.equal(await bad(), 'CUT_OFF 0');
      await bank.data.execute(`DELETE FROM ${TABLES.entry} WHERE seal_no = ?`, [head.sealNo - 3]);
      assert.equal(await bad(), 'MISSING -3');
      await bank.data.execute(`UPDATE ${TABLES.entry} SET outcome = 'OTHER' WHERE seal_no = ?`, [head.sealNo - 5]);
      assert.equal(await bad(), 'CHANGED -5');
    });
  });
}
