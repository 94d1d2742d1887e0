/** Every command that talks to a kernel, over the real protocol: what people see, what scripts get, and the exit code. */
import { deepStrictEqual } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError } from '@sluice/sdk';
import { formatTime } from '@sluice/kernel/cli/format';
import type { AdminServer } from '@sluice/kernel/admin/server';
import { startTestServer } from '../admin/admin-server.js';
import { DETAIL, OUTCOME, ScriptedRuntime, STATUS } from '../admin/scripted-runtime.js';
import { runCommand } from './run-command.js';

describe('commands', () => {
  let folder: string;
  let runtime: ScriptedRuntime;
  let server: AdminServer;
  const run = (...words: readonly string[]) => runCommand(folder, words);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
    writeFileSync(join(folder, 'one.tgz'), 'one');
    writeFileSync(join(folder, 'two.tgz'), 'two');
    runtime = new ScriptedRuntime();
    server = await startTestServer(runtime, folder);
  });

  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('print lists as tables for people', async () => {
    deepStrictEqual(await run('ls'), {
      exitCode: 0,
      lines: [
        'ID  BUNDLE       VERSION  STATE           TIER    LEVEL  REV  DIGEST  NOTE',
        ' 3  <strong>core.ledger</>  1.1.0    <bad>ACTIVE (trial)</>  inline     10    2  cafe    <bad>it threw</>',
      ],
    });
    deepStrictEqual((await run('ls', 'other')).lines, ['No bundle is installed']);
    deepStrictEqual((await run('services', '(currency=CNY)')).lines, [
      'ID  CONTRACT             VERSION  BUNDLE             RANK  SCOPE      USERS',
      ' 9  <strong>core.ledger.Posting</>  1.0.0    core.ledger 1.1.0     0  singleton  platform.txn',
    ]);
    deepStrictEqual((await run('services', 'LEDGER.post')).lines.length, 2);
    deepStrictEqual((await run('services', 'transfer')).lines, ['No service matches']);
    deepStrictEqual((await run('routes', 'ledger')).lines, [
      'METHOD  PATH              BUNDLE       VERSION  OPERATION',
      'GET     <strong>/ledger/accounts</>  core.ledger  1.1.0    accounts',
    ]);
    deepStrictEqual((await run('history', '--limit', '7')).lines, [
      `TIME                 KIND    OUTCOME  GEN  ACTOR  BUNDLES                CHANGE  WHY`,
      `${formatTime(1)}  deploy  <bad>refused</>       lin    core.ledger new 1.0.0  d-1     y`,
    ]);
    deepStrictEqual((await run('config', 'get', 'core.ledger')).lines, ['KEY    VALUE  FROM', '<strong>limit</>  5      operator']);
    deepStrictEqual((await run('config', 'describe', 'core.ledger')).lines, [
      'KEY               TYPE      DEFAULT     ALLOWED         MEANING',
      '<strong>url</>               string    (required)  8.. characters  Address of the network',
      '<strong>limit</>             integer   5           1..',
      '<strong>pool.hosts</>        string[]              a, b',
      '<strong>rails~<name>.key</>  password',
    ]);
    deepStrictEqual((await run('config', 'history', 'core.ledger')).lines, [
      'TIME                 ACTOR  KEY    BEFORE  AFTER  LAYER',
      `${formatTime(1)}  lin    <strong>limit</>  null    5      runtime`,
    ]);
    deepStrictEqual(await run('leaks', '--gc'), {
      exitCode: 9,
      lines: [
        'BUNDLE       VERSION  REV  COLLECTED  HELD BY',
        '<strong>core.ledger</>  1.0.0      1  <bad>no</>         timer (1)',
        '<strong>core.ledger 1.0.0, revision 1</>',
        '  timer',
        '    timer: Timeout',
        '    try Use ctx.clock',
      ],
    });
    deepStrictEqual(runtime.calls, [
      ['services', '(currency=CNY)'],
      ['services', undefined],
      ['services', undefined],
      ['history', 7],
      ['leaks', { collect: true }],
    ]);
  });

  it('print what the kernel answered for scripts', async () => {
    const json = async (...words: readonly string[]): Promise<unknown> => {
      const { lines } = await run(...words, '--json');
      return lines.map((line) => JSON.parse(line) as unknown);
    };
    const trust = { policy: 'warn', auditHead: `0:${'0'.repeat(64)}`, adminUrl: null, unapproved: ['core.ledger 1.1.0'] };
    deepStrictEqual(await json('status'), [{ ...STATUS, trust }]);
    deepStrictEqual(await json('inspect', 'core.ledger'), [DETAIL]);
    deepStrictEqual(await json('ls'), [runtime.bundles()]);
    deepStrictEqual(await json('deploy', 'one.tgz'), [OUTCOME]);
    deepStrictEqual(await json('config', 'get', 'core.ledger', 'limit'), [{ key: 'limit', value: 5, layer: 'operator', secret: false }]);
    deepStrictEqual((await run('config', 'get', 'core.ledger', 'limit')).lines, ['5']);
  });

  it('show the kernel at a glance', async () => {
    runtime.status = () => ({
      ...STATUS,
      startedAt: Date.now() - 65_000,
      trial: { deployId: 'd-1', endsAt: Date.now() - 1, bundles: ['core.ledger'] },
    });
    deepStrictEqual(
      (await run('status')).lines.map((line) => line.replace(/1 m \d s/, '1 m N s')),
      [
        '<good>running</>, 11 of 12 bundles active<bad>, 1 failed</>',
        'kernel       0.1.0 on Node 20.20.2, process 4711',
        'up for       1 m N s',
        'data         /data',
        'generation   8',
        'start level  50',
        'services     40',
        'entries now  3',
        'memory       1 B heap, 2 B resident',
        'listens on   http://127.0.0.1:8080',
        'trust        warn: unsigned bundles and reused or lower versions are let in (1 installed without approval)',
        'on trial     core.ledger for 0 ms more (d-1)',
        '! <bad>Error</> a blob changed',
        '!   Code STORE_DIGEST_MISMATCH',
      ],
    );
  });

  it('explain one bundle', async () => {
    deepStrictEqual((await run('why', 'core.ledger')).lines, [
      `<strong>core.ledger</>: it is active (${formatTime(5)})`,
      '  try nothing',
      '  try sluice ls',
    ]);
    deepStrictEqual((await run('inspect', 'core.ledger')).lines, [
      'bundle       core.ledger 1.1.0 (id 3, revision 2)',
      'state        ACTIVE, on trial',
      'family       core',
      'tier         inline',
      'start level  10, starts by itself',
      'digest       cafe',
      'previous     1.0.0 beef',
      'lingering    1 old revisions',
      '! <bad>Error</> it threw',
      '!   <strong>Try</>  fix it',
      '!   Code ACTIVATION_FAILED',
      '<strong>Uses</>',
      '  sluice.data.Data  from system.data@1.0.0',
      '<strong>Used by</>',
      '  core.ledger.Posting  by platform.txn@1.0.0',
      '<strong>Services</>',
      '  core.ledger.Posting 1.0.0  (id 9) used by platform.txn',
      '<strong>Components</>',
      '  Ledger  unsatisfied: no service',
      '    sluice.data.Data [1..1 dynamic] MISSING',
      '<strong>Owns</>',
      '  service core.ledger.Posting',
    ]);
  });

  it('carry out changes with progress, and say what was done', async () => {
    const { exitCode, lines } = await run(
      'deploy',
      'one.tgz',
      '.',
      '--watch',
      '30s',
      '--drain',
      '100ms',
      '--deploy-id',
      'd-7',
      '--base-generation',
      '3',
    );
    deepStrictEqual(
      [exitCode, lines.map((line) => line.replace(/in [\d.]+ m?s/, 'in T'))],
      [
        0,
        [
          '~ stage     core.ledger: stored',
          '~ switch    switched',
          'ACTION  BUNDLE       VERSION        TIER',
          'swap    core.ledger  1.0.0 → 1.1.0  inline',
          'rebound, not restarted: business.transfer',
          'routes /ledger: 1.0.0 → 1.1.0',
          '<good>Done</> in T: generation 8',
          'On probation; `sluice confirm` ends it early, `sluice status` shows how it goes',
        ],
      ],
    );
    await run('plan', 'two.tgz');
    await run('install', 'two.tgz');
    await run('update', 'two.tgz');
    await run('start', 'core.ledger');
    await run('stop', 'core.ledger', '--dry-run');
    await run('uninstall', 'core.ledger');
    await run('rollback', 'core.ledger', '--watch', '0');
    runtime.outcome = {
      ...OUTCOME,
      plan: { ...OUTCOME.plan, changes: [{ symbolicName: 'core.ledger', action: 'nothing', from: '1.1.0', to: '1.1.0', tier: null }] },
    };
    deepStrictEqual(await run('confirm'), { exitCode: 0, lines: ['<good>Confirmed</> core.ledger 1.1.0: generation 8 stays'] });
    await run('config', 'set', 'core.ledger', 'limit=6', 'name=Lin', 'old=');
    await run('config', 'set', 'core.ledger', 'limit=6', '--string');
    const lin = { actor: 'lin' };
    deepStrictEqual(runtime.calls, [
      ['deploy', ['one', 'two'], { ...lin, watchMs: 30_000, drainMs: 100, deployId: 'd-7', baseGeneration: 3 }],
      ['deploy', ['two'], { ...lin, dryRun: true }],
      ['install', ['two'], lin],
      ['update', ['two'], lin],
      ['start', 'core.ledger', lin],
      ['stop', 'core.ledger', { ...lin, dryRun: true }],
      ['uninstall', 'core.ledger', lin],
      ['rollback', 'core.ledger', { ...lin, watchMs: 0 }],
      ['confirm', 'lin', lin],
      ['configSet', 'core.ledger', { limit: 6, name: 'Lin', old: undefined }, 'lin'],
      ['configSet', 'core.ledger', { limit: '6' }, 'lin'],
    ]);
  });

  it('name who needs what is stopped, before and after', async () => {
    const unserved = [{ bundle: 'channel.mobile', contract: 'transfer.Transfers', provider: 'business.transfer' }];
    const warning =
      "! <warning>Warning</> channel.mobile needs 'transfer.Transfers' of business.transfer and finds it nowhere else: calls fail with SERVICE_UNAVAILABLE until it is back";
    for (const outcome of ['planned', 'committed'] as const) {
      runtime.outcome = { ...OUTCOME, outcome, plan: { ...OUTCOME.plan, unserved } };
      const { lines } = await run('stop', 'business.transfer');
      deepStrictEqual(
        lines.filter((line) => line.startsWith('!')),
        [warning],
      );
    }
  });

  it('say in three parts why a change was refused or taken back', async () => {
    const error = { code: 'RESOLVE_FAILED', message: "Cannot start 'a': it needs 'b'", remedy: 'Start b first', details: {} };
    const other = { code: 'ROUTE_CONFLICT', message: 'two of /x', details: {} };
    runtime.outcome = { ...OUTCOME, outcome: 'refused', error, plan: { ...OUTCOME.plan, problems: [error, other] }, onTrial: false };
    deepStrictEqual(await run('deploy', 'one.tgz'), {
      exitCode: 3,
      lines: [
        '~ stage     core.ledger: stored',
        '~ switch    switched',
        "! <bad>Error</> Cannot start 'a': it needs 'b'",
        '!   <strong>Try</>  Start b first',
        '!   Code RESOLVE_FAILED',
        '! <bad>Error</> two of /x',
        '!   Code ROUTE_CONFLICT',
        '!   Nothing was changed; generation 8, change d-1',
      ],
    });
    runtime.outcome = { ...OUTCOME, outcome: 'rolled-back', error: other };
    deepStrictEqual((await run('rollback', 'core.ledger')).exitCode, 7);
    const asked = { code: 'ROLLED_BACK', message: 'Rolled back by lin', details: {} };
    runtime.outcome = { ...OUTCOME, outcome: 'rolled-back', error: asked, onTrial: false };
    const { exitCode, lines } = await run('rollback', 'core.ledger');
    deepStrictEqual([exitCode, lines.at(-1)?.replace(/in [\d.]+ m?s/, 'in T')], [0, '<good>Done</> in T: generation 8']);
    runtime.outcome = { ...OUTCOME, outcome: 'planned', plan: { ...OUTCOME.plan, problems: [error] } };
    deepStrictEqual((await run('plan', 'one.tgz')).exitCode, 3);
  });

  it('fail with the fitting exit code, as text or as JSON', async () => {
    deepStrictEqual(await run('inspect', 'core.leger'), {
      exitCode: 4,
      lines: ["! <bad>Error</> Bundle 'core.leger' is not installed", '!   Code BUNDLE_UNKNOWN'],
    });
    runtime.failure = new SluiceError('DEPLOY_BUSY', 'Another deploy runs');
    deepStrictEqual(await run('deploy', 'one.tgz', '--json'), {
      exitCode: 5,
      lines: ['! {"error":{"code":"DEPLOY_BUSY","message":"Another deploy runs","details":{},"exitCode":5}}'],
    });
    deepStrictEqual((await run('deploy', 'none.tgz')).exitCode, 4);
    deepStrictEqual((await run('deploy', 'one.tgz', '--watch', 'soon')).exitCode, 2);
    deepStrictEqual((await run('config', 'set', 'core.ledger', 'limit')).exitCode, 2);
    deepStrictEqual((await run('config', 'get', 'core.ledger', 'none')).exitCode, 4);
    await server.close();
    const { exitCode, lines } = await run('status');
    deepStrictEqual([exitCode, lines[0]], [6, `! <bad>Error</> No kernel runs on the data folder '${folder}'`]);
  });

  it('wait for the end of probation when asked', async () => {
    let left = 3;
    runtime.status = () => ({
      ...STATUS,
      trial: --left > 0 ? { deployId: 'd-1', endsAt: Date.now() + 5, bundles: ['core.ledger'] } : null,
    });
    runtime.history = () => [{ deployId: 'd-1', at: 1, kind: 'deploy', actor: 'lin', outcome: 'rolled-back', generation: 9, bundles: [] }];
    const { exitCode, lines } = await run('deploy', 'one.tgz', '--wait', '--json');
    deepStrictEqual(
      [exitCode, lines.map((line) => JSON.parse(line) as unknown)],
      [7, [OUTCOME, { deployId: 'd-1', verdict: 'rolled-back' }]],
    );
  });
});
