/** The audit log on a real disk: over restarts, over several files, after a crash in the middle of a line, after hands of others. */
import { deepStrictEqual as equal, ok, rejects } from 'node:assert';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuditLog, verifyAudit, type AuditLogOptions, type FileAuditLog } from '@sluice/kernel/host/audit-log';
import type { ChainHead } from '@sluice/kernel/trust/audit-chain';

describe('audit log', () => {
  let folder: string;
  let log: FileAuditLog;
  let now = 0;

  const open = (more: Partial<AuditLogOptions> = {}): FileAuditLog => (log = openAuditLog(folder, { now: () => now, ...more }));
  const write = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      await log.write({ actor: 'lin', role: 'owner', action: 'note', target: `t${index}`, phase: 'note' });
    }
  };
  const files = (): string[] => readdirSync(join(folder, 'audit')).sort();
  const first = (): string => join(folder, 'audit', files()[0] as string);
  /** The first bad record, or null. */
  const bad = async (witnesses: readonly ChainHead[] = []): Promise<number | null> => {
    const verdict = await verifyAudit(folder, witnesses);
    return verdict.intact ? null : verdict.sequence;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-audit-'));
    now = 1_000;
    open();
  });

  afterEach(async () => {
    await log.close();
    rmSync(folder, { recursive: true });
  });

  it('goes on with the chain over restarts and tells begin and end of an action', async () => {
    const ticket = await log.begin({ actor: 'token:ci', role: 'operator', action: 'stop', target: 'core.ledger' });
    await log.close();
    open();
    const other = await log.begin({ actor: 'lin', role: 'owner', action: 'start', target: 'core.ledger' });
    await other.end({ outcome: 'committed d-1' });
    await other.end({ outcome: 'again' });
    equal(
      (await log.read(10)).map(({ sequence, phase, of, outcome }) => [sequence, phase, of, outcome]),
      [
        [1, 'begin', undefined, undefined],
        [2, 'begin', undefined, undefined],
        [3, 'end', 2, 'committed d-1'],
      ],
    );
    equal([ticket.sequence, await bad()], [1, null]);
  });

  it('begins new files as it grows and keeps one chain over all of them', async () => {
    await log.close();
    open({ segmentBytes: 1_000 });
    await write(20);
    await log.close();
    open({ segmentBytes: 1_000 });
    await write(5);
    ok(files().length > 5, files().join());
    equal([await bad(), (await log.read(7)).map(({ sequence }) => sequence)], [null, [19, 20, 21, 22, 23, 24, 25]]);
    const gone = files()[2] as string;
    unlinkSync(join(folder, 'audit', gone));
    equal(await bad(), Number(gone.slice(6, 18)));
  });

  it('writes what comes at the same time in order', async () => {
    await Promise.all(Array.from({ length: 50 }, () => write(2)));
    equal([await bad(), log.head.sequence], [null, 100]);
  });

  it('is readable by its owner only', async () => {
    await write(1);
    equal([statSync(first()).mode & 0o777, statSync(join(folder, 'audit')).mode & 0o777], [0o600, 0o700]);
  });

  it('cuts at the next start what a crash left half written, at every byte: nobody was told that it is recorded', async () => {
    await write(3);
    await log.close();
    const whole = readFileSync(first());
    const lastLine = whole.subarray(whole.lastIndexOf(0x0a, whole.length - 2) + 1);
    const head = readFileSync(join(folder, 'audit', 'head'));
    for (let kept = 1; kept < lastLine.length; kept += 1) {
      // The head follows the sync, so after such a crash it still names the record before.
      writeFileSync(first(), whole);
      appendFileSync(first(), lastLine.subarray(0, kept));
      writeFileSync(join(folder, 'audit', 'head'), head);
      open();
      await write(1);
      await log.close();
      equal([kept, log.alarms, await bad()], [kept, [], null]);
    }
    open();
  });

  it('knows by its head that the end was taken away, and goes on so that the gap stays', async () => {
    await write(5);
    await log.close();
    const lines = readFileSync(first(), 'utf8').split('\n');
    truncateSync(first(), Buffer.byteLength(`${lines.slice(0, 3).join('\n')}\n`));
    equal(await bad(), 4);
    open();
    equal(
      log.alarms.map(({ code }) => code),
      ['AUDIT_CHAIN_BROKEN'],
    );
    await write(3);
    equal(await bad(), 4);
    await log.close();
    open();
    equal([log.alarms, await bad()], [[], 4]);
  });

  it('says when all records or the head are gone', async () => {
    await write(2);
    await log.close();
    unlinkSync(join(folder, 'audit', 'head'));
    equal(await bad(), 2);
    open();
    equal(
      log.alarms.map(({ code }) => code),
      ['AUDIT_HEAD_LOST'],
    );
    await write(1);
    await log.close();
    unlinkSync(first().replace(/head$/, 'audit-000000000001.log'));
    equal(await bad(), 1);
    open();
    equal(
      log.alarms.map(({ code }) => code),
      ['AUDIT_CHAIN_BROKEN'],
    );
  });

  it('tells its head elsewhere once a minute and at its end; with such a head a whole new chain is found out', async () => {
    await log.close();
    const heads: ChainHead[] = [];
    now = 100_000;
    open({ publish: (head) => heads.push(head) });
    await write(2);
    now += 61_000;
    await write(2);
    await log.close();
    equal(
      heads.map(({ sequence }) => sequence),
      [1, 3, 4],
    );
    for (const name of files()) unlinkSync(join(folder, 'audit', name));
    open();
    await write(4);
    equal([await bad(), await bad(heads)], [null, 1]);
  });

  it('refuses every action once it could not be written', async () => {
    await write(1);
    await log.close();
    await rejects(log.begin({ actor: 'lin', role: 'owner', action: 'stop', target: 'x' }), { code: 'AUDIT_UNAVAILABLE', httpStatus: 503 });
    await rejects(log.write({ actor: 'lin', role: 'owner', action: 'x', target: '', phase: 'refused' }), { code: 'AUDIT_UNAVAILABLE' });
    open();
    equal(await bad(), null);
  });
});
