/** The journal with the audit log in front of it: what is recorded of a change, in which order, and what when it cannot be. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { SluiceError } from '@sluice/sdk';
import { MemoryJournal } from '@sluice/kernel/host/journal';
import type { BeginRecord } from '@sluice/kernel/host/ports';
import { RecordedJournal } from '@sluice/kernel/host/recorded-journal';
import type { AuditRecorder } from '@sluice/kernel/trust/ports';
import type { KnownVersion } from '@sluice/kernel/trust/version-rules';

const CONTENT = { digest: 'ab'.repeat(32), version: '1.0.0' };
const begin = (deployId: string, actor = 'deployer'): BeginRecord => ({
  type: 'begin',
  at: 1,
  deployId,
  kind: 'deploy',
  actor,
  baseGeneration: 0,
  changes: [{ symbolicName: 'test.a', bundleId: 1, from: null, to: CONTENT, autostart: true, startLevel: 50 }],
});

describe('recorded journal', () => {
  let told: string[];
  let committed: KnownVersion[];
  let failure: SluiceError | null;
  let journal: RecordedJournal;

  const audit: AuditRecorder = {
    begin: async ({ actor, action, target, digests }) => {
      if (failure !== null) throw failure;
      told.push(`begin ${actor} ${action} ${target} ${digests?.length ?? 0}`);
      return { sequence: told.length, end: async ({ outcome, code }) => void told.push(`end ${outcome} ${code ?? ''}`.trim()) };
    },
    write: async ({ action, target, outcome }) => void told.push(`note ${action} ${target} ${outcome ?? ''}`),
  };

  beforeEach(() => {
    told = [];
    committed = [];
    failure = null;
    const follower = {
      isRecorded: (deployId: string) => deployId === 'd-asked',
      committed: (contents: readonly KnownVersion[]) => void committed.push(...contents),
    };
    journal = new RecordedJournal(new MemoryJournal(), audit, follower);
  });

  it('tells begin and outcome of a change, and what it made current', async () => {
    await journal.append(begin('d-1'));
    await journal.append({ type: 'commit', at: 2, deployId: 'd-1', generation: 1 });
    await journal.append({ type: 'done', at: 3, deployId: 'd-1', outcome: 'confirmed' });
    equal(told, ['begin deployer deploy test.a 1', 'end committed d-1']);
    equal(committed, [{ bundle: 'test.a', ...CONTENT }]);
  });

  it('tells a change that was given up, and one that was taken back later', async () => {
    await journal.append(begin('d-1'));
    await journal.append({ type: 'abort', at: 2, deployId: 'd-1', error: { code: 'LOAD_FAILED', message: 'no' } });
    await journal.append(begin('d-2'));
    await journal.append({ type: 'commit', at: 2, deployId: 'd-2', generation: 1 });
    await journal.append({ type: 'done', at: 3, deployId: 'd-2', outcome: 'rolled-back' });
    equal(told.slice(1), [
      'end refused d-1 LOAD_FAILED',
      'begin deployer deploy test.a 1',
      'end committed d-2',
      'note rollback d-2 rolled-back',
    ]);
  });

  it('leaves out what its sender recorded, but remembers what it made current', async () => {
    await journal.append([begin('d-asked', 'lin'), { type: 'commit', at: 2, deployId: 'd-asked', generation: 1 }]);
    equal([told, committed.length, journal.view.state.generation], [[], 1, 1]);
  });

  it('decides nothing that could not be recorded', async () => {
    failure = new SluiceError('AUDIT_UNAVAILABLE', 'no');
    const both = [begin('d-1'), { type: 'commit', at: 2, deployId: 'd-1', generation: 1 }] as const;
    await rejects(journal.append(both), { code: 'AUDIT_UNAVAILABLE' });
    await rejects(journal.append(begin('d-2')), { code: 'AUDIT_UNAVAILABLE' });
    equal([journal.view.state.generation, committed], [0, []]);
  });
});
