/**
 * `npm run demo`: a story against the running system, with real commands and real requests. Ends with a table and exit code 0 when
 * nothing failed, the money is the same and every replaced revision was collected.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packBundle } from '@sluice/kernel/cli/toolchain/pack';
import { BankClient } from '../support/bank-client.js';
import { ROOT, System } from '../support/system.js';
import { Traffic } from './traffic.js';

const CUSTOMERS = [
  ['王芳', 'Wang Fang'],
  ['李强', 'Li Qiang'],
  ['张敏', 'Zhang Min'],
  ['刘洋', 'Liu Yang'],
  ['陈静', 'Chen Jing'],
  ['杨帆', 'Yang Fan'],
] as const;
const DEPOSIT_MINOR = 100_000n;
const PASSWORD = 'a-password-of-the-demo';

function say(text: string): void {
  process.stdout.write(`\n\u2014 ${text}\n`);
}

/** Runs a command as an operator types it, and shows it. */
function sluice(system: System, ...words: readonly string[]): Promise<number> {
  process.stdout.write(`  $ sluice ${words.map((word) => word.replace(/.*\/build\/demo\//, '')).join(' ')}\n`);
  const child = spawn(process.execPath, [join(ROOT, 'kernel/bin/sluice.cjs'), '--data', system.dataFolder, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const show = (chunk: Buffer): boolean => process.stdout.write(chunk.toString().replace(/^(?=.)/gm, '    '));
  child.stdout.on('data', show);
  child.stderr.on('data', show);
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? -1)));
}

/**
 * Builds each variant from a copy of the transfer bundle's own sources with another activator laid over them: a bundle must not import the
 * folder of another one.
 */
async function packAll(): Promise<(name: string) => string> {
  const outDir = join(ROOT, 'build/demo');
  await packBundle(join(ROOT, 'test/demo/bundles/counter'), { outDir });
  for (const variant of ['transfer-1.1', 'transfer-1.2', 'transfer-1.3', 'transfer-1.4']) {
    const source = join(ROOT, 'test/demo/bundles', variant);
    const folder = join(outDir, 'sources', variant);
    cpSync(join(ROOT, 'plugins/business/transfer'), folder, { recursive: true, filter: (path) => !path.endsWith('/dist') });
    cpSync(join(source, 'package.json'), join(folder, 'package.json'));
    const activator = readFileSync(join(source, 'activator.ts'), 'utf8').replace(/'(\.\.\/)+plugins\/business\/transfer\//g, "'./");
    writeFileSync(join(folder, 'activator.ts'), activator);
    await packBundle(folder, { outDir });
  }
  return (name) => join(outDir, `${name}.tgz`);
}

async function openCustomers(system: System): Promise<Traffic> {
  const counter = new BankClient(system.address);
  const customers = [];
  for (const [index, [name, pinyin]] of CUSTOMERS.entries()) {
    const login = `demo${index + 1}`;
    const body = { name, pinyin, login, password: PASSWORD, depositMinor: String(DEPOSIT_MINOR) };
    const answer = await counter.send<{ customerNo: string; accountNo: string }>('POST', '/counter/customers', { body });
    if (answer.status !== 201) throw new Error(`opening answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    const bank = new BankClient(system.address);
    await bank.login(login, PASSWORD);
    process.stdout.write(
      `  ${name} ${pinyin}: customer ${answer.body.customerNo}, account ${answer.body.accountNo}, 1,000.00 CNY paid in\n`,
    );
    customers.push({ bank, accountNo: answer.body.accountNo });
  }
  counter.close();
  return new Traffic(customers);
}

async function tell(system: System, artifact: (name: string) => string): Promise<boolean> {
  say('The bank is open. A counter is deployed into the running system and opens six customers with an account each.');
  await sluice(system, 'deploy', artifact('demo.counter-1.0.0'), '--watch', '0');
  const traffic = await openCustomers(system);
  const before = await traffic.money();
  traffic.begin();
  await traffic.waitFor('1.0.0', 100);

  say('Six clients pay each other through the mobile channel without a pause. Version 1.1 of the transfer bundle is planned and deployed.');
  await sluice(system, 'plan', artifact('business.transfer-1.1.0'));
  await sluice(system, 'deploy', artifact('business.transfer-1.1.0'), '--watch', '2s');
  await traffic.waitFor('1.1.0', 100);
  await sluice(system, 'confirm').catch(() => undefined);

  say('Version 1.2 starts, but is not healthy. It is refused; 1.1 keeps serving.');
  const refused = await sluice(system, 'deploy', artifact('business.transfer-1.2.0'));
  await traffic.waitFor('1.1.0', 50);

  say('Version 1.3 passes every check and fails one transfer in three on live traffic. It is taken back by itself.');
  await sluice(system, 'deploy', artifact('business.transfer-1.3.0'), '--watch', '30s');
  await traffic.waitFor('1.1.0', 100);
  await sluice(system, 'why', 'business.transfer');

  say('The operator decides to go back to the first version.');
  await sluice(system, 'rollback', 'business.transfer');
  await traffic.waitFor('1.0.0', 100);
  const verdicts = await system.admin.leaks({ collect: true });

  say('Version 1.4 takes five seconds to start. In the middle of its deploy the process is killed (kill -9) and started again.');
  const deploying = sluice(system, 'deploy', artifact('business.transfer-1.4.0'), '--watch', '0');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await system.kill();
  await deploying;
  const restartMs = await system.launch();
  process.stdout.write(`  serving again ${(restartMs / 1_000).toFixed(1)} s after the kill\n`);
  await sluice(system, 'ls');
  await traffic.waitFor('1.0.0', 100);
  await traffic.end();
  const after = await traffic.money();
  await sluice(system, 'history');
  return report(traffic, before, after, verdicts, refused);
}

function report(
  traffic: Traffic,
  before: bigint,
  after: bigint,
  verdicts: readonly { readonly collected: string }[],
  refusedExitCode: number,
): boolean {
  const figures = traffic.figures();
  const collected = verdicts.filter((verdict) => verdict.collected === 'yes').length;
  const yuan = (minor: bigint): string => `${minor / 100n}.${String(minor % 100n).padStart(2, '0')} CNY`;
  const rows: readonly (readonly [string, string])[] = [
    ['requests sent', String(figures.requests)],
    ['transfers posted', String(figures.posted)],
    ['failed', String(figures.failed)],
    ['answered 5xx (1.3 on trial; system starting), posted when repeated under the same key', String(figures.mended)],
    ['connections broken by kill -9, posted when repeated under the same key', String(figures.reconnected)],
    ['money before', yuan(before)],
    ['money after', yuan(after)],
    [
      'versions seen',
      [...figures.versions].map(([version, count]) => `${version.replace('business.transfer@', '')} (${count})`).join(', '),
    ],
    ['old revisions collected', `${collected} of ${verdicts.length}`],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  process.stdout.write(`\n${rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`).join('\n')}\n\n`);
  return figures.failed === 0 && before === after && collected === verdicts.length && refusedExitCode === 3;
}

async function main(): Promise<void> {
  say('The transfer bundle is packed in four further versions, one good and three with a flaw each.');
  const artifact = await packAll();
  const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  const system = await System.start({ dataFolder });
  try {
    process.exitCode = (await tell(system, artifact)) ? 0 : 1;
  } finally {
    await system.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
