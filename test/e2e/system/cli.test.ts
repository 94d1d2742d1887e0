/** An operator's commands against the whole bank, with the real command line and the real kernel. */
import { deepStrictEqual as equal, match } from 'node:assert';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { withVersion } from '../../support/artifacts.js';
import { BUNDLES, System } from '../../support/system.js';
import { sluice } from '../cli/sluice-process.js';

const BUNDLE = 'business.transfer';

describe('the command line and the bank', function () {
  this.timeout(120_000);
  let system: System;
  let artifact: string;

  before(async () => {
    system = await System.start({ config: { 'platform.customer': { demoCustomers: 20 } } });
    artifact = `${system.dataFolder}-transfer-1.1.0.tgz`;
    writeFileSync(artifact, withVersion(system.artifact(BUNDLE), '1.1.0'));
  });
  after(async () => {
    await system.stop();
    rmSync(artifact, { force: true });
  });

  /** Runs a command; its answer, or its error, without surplus spaces. Progress goes to the error stream and is left out. */
  async function run(...words: readonly string[]): Promise<{ readonly code: number | null; readonly lines: readonly string[] }> {
    const { code, out, errors } = await sluice(system.dataFolder, '--data', system.dataFolder, ...words);
    const lines = (code === 0 ? out : errors).split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
    return { code, lines: lines.filter((line) => line !== '') };
  }

  it('shows the kernel, the bundles and the routes', async () => {
    const status = await run('status');
    const count = readdirSync(BUNDLES).filter((name) => name.endsWith('.tgz')).length;
    equal([status.code, status.lines[0]], [0, `running, ${count} of ${count} bundles active`]);
    equal(status.lines.includes(`listens on ${system.address}`), true);
    const { code, lines } = await run('ls', 'business');
    equal(
      [code, lines.map((line) => line.split(' ').slice(1, 6).join(' '))],
      [0, ['BUNDLE VERSION STATE TIER LEVEL', 'business.account 1.0.0 ACTIVE inline 30', 'business.transfer 1.0.0 ACTIVE inline 30']],
    );
    const routes = await run('routes', 'mobile/status');
    equal([routes.code, routes.lines.at(-1)], [0, 'GET /mobile/status channel.mobile 1.0.0 status']);
  });

  it('plans a deploy without doing it, deploys, explains, goes back and remembers', async () => {
    const changes = ['ACTION BUNDLE VERSION TIER', `swap ${BUNDLE} 1.0.0 → 1.1.0 inline`, 'rebound, not restarted: channel.mobile'];
    const plan = await run('plan', artifact);
    equal([plan.code, plan.lines.slice(-3)], [0, changes]);

    const deploy = await run('deploy', artifact, '--watch', '0');
    equal([deploy.code, deploy.lines.slice(-4, -1)], [0, changes]);
    match(deploy.lines.at(-1) ?? '', /^Done in .*: generation 2$/);

    const why = await run('why', BUNDLE);
    equal([why.code, why.lines[0]], [0, `${BUNDLE}: is ACTIVE with version 1.1.0`]);
    match(why.lines[1] ?? '', new RegExp(`because ${BUNDLE}: swapped 1\\.0\\.0 -> 1\\.1\\.0 by `));

    equal((await run('rollback', BUNDLE, '--watch', '0')).code, 0);
    const history = await run('history');
    equal(
      history.lines.slice(-2).map((line) => / (deploy|rollback) (committed|refused) (\d+) \S+ (.*) \S+$/.exec(line)?.slice(1)),
      [
        ['deploy', 'committed', '2', `${BUNDLE} 1.0.0 → 1.1.0`],
        ['rollback', 'committed', '3', `${BUNDLE} 1.1.0 → 1.0.0`],
      ],
    );
    const served = await fetch(`${system.address}/mobile/version`);
    equal(((await served.json()) as { transfer: string }).transfer, `${BUNDLE}@1.0.0`);
  });

  it('changes a setting, remembers who did, and refuses what the schema refuses', async () => {
    const set = await run('--actor', 'an-officer', 'config', 'set', 'platform.customer', 'wrongPasswordsMax=5');
    equal([set.code, set.lines.at(-1)], [0, 'wrongPasswordsMax 5 runtime']);
    const refused = await run('config', 'set', 'platform.customer', 'wrongPasswordsMax=none');
    equal([refused.code, refused.lines.at(-1)], [3, 'Code CONFIG_INVALID']);
    const { lines } = await run('config', 'history', 'platform.customer');
    match(lines.at(-1) ?? '', /an-officer wrongPasswordsMax 5 runtime$/);
  });

  it('says what it does not know', async () => {
    const { code, lines } = await run('why', 'business.transfr');
    equal([code, lines[0], lines.at(-1)], [4, `Error No bundle 'business.transfr' is installed`, 'Code BUNDLE_UNKNOWN']);
  });
});
