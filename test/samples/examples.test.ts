/** Every bundle of docs/examples, packed as its author would and deployed into a running system: what its own comments promise. */
import { deepStrictEqual, match, rejects, strictEqual } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SluiceError } from '@sluice/sdk';
import { packBundle } from '@sluice/kernel/cli/toolchain/pack';
import { withVersion } from '../support/artifacts.js';
import { ROOT, System } from '../support/system.js';

/** Looks until something holds; what never holds ends with the time limit of the test. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the examples', function () {
  this.timeout(60_000);
  let system: System;
  let out: string;

  before(async () => {
    out = mkdtempSync(join(tmpdir(), 'sluice-examples-'));
    system = await System.start({ config: { 'platform.customer': { demoCustomers: 1 } } });
  });

  after(async () => {
    await system.stop();
    rmSync(out, { recursive: true, force: true });
  });

  async function packed(example: string): Promise<Buffer> {
    const { file } = await packBundle(join(ROOT, 'docs/examples', example), { outDir: out });
    return readFileSync(file);
  }

  async function deploy(...artifacts: readonly Buffer[]): Promise<void> {
    const { outcome, error } = await system.admin.deploy(artifacts, { watchMs: 0 });
    strictEqual(outcome, 'committed', error?.message);
  }

  async function ask(method: string, path: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(`${system.address}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  it('hello-route greets, and checks its input', async () => {
    await deploy(await packed('hello-route'));
    deepStrictEqual(await ask('GET', '/hello/Lin'), { status: 200, body: { message: 'Hello, Lin!' } });
    strictEqual((await ask('GET', `/hello/${'x'.repeat(41)}`)).status, 422);
  });

  it('service-consumer follows service-provider over its replacement, its stop and its return', async () => {
    const provider = await packed('service-provider');
    await deploy(provider, await packed('service-consumer'));
    const quote = { status: 200, body: { quote: '1 USD = 7.10 CNY' } };
    deepStrictEqual(await ask('GET', '/quotes/USD'), quote);
    strictEqual((await ask('GET', '/quotes/XXX')).body['code'], 'RATE_UNKNOWN');
    await deploy(withVersion(provider, '1.1.0'));
    deepStrictEqual(await ask('GET', '/quotes/USD'), quote);
    await system.admin.stop('example.rates');
    strictEqual((await ask('GET', '/quotes/USD')).status, 404);
    await system.admin.start('example.rates');
    deepStrictEqual(await ask('GET', '/quotes/USD'), quote);
  });

  it('component-with-config takes over what its schema and its code allow', async () => {
    await deploy(await packed('component-with-config'));
    await system.admin.configSet('example.limits', { set: { dailyLimit: 700 } });
    deepStrictEqual((await ask('GET', '/limits/daily')).body, { dailyLimit: 700 });
    for (const [dailyLimit, refusal] of [
      [750, /^COMPONENT_FAILED .*750 is no multiple of 100/],
      [60_000, /^CONFIG_INVALID .*50000/],
    ] as const) {
      await rejects(system.admin.configSet('example.limits', { set: { dailyLimit } }), (error: SluiceError) => {
        match(`${error.code} ${error.message}`, refusal);
        return true;
      });
    }
    deepStrictEqual((await ask('GET', '/limits/daily')).body, { dailyLimit: 700 });
  });

  it('event-handler hears what was published', async () => {
    await deploy(await packed('event-handler'));
    await ask('POST', '/welcome/customers', { name: 'Lin' });
    deepStrictEqual((await ask('GET', '/welcome/welcomed')).body, { names: ['Lin'] });
  });

  it('scheduled-job runs, in the new revision after a swap', async () => {
    const artifact = await packed('scheduled-job');
    await deploy(artifact);
    const hasRunIn = async (version: string): Promise<boolean> => {
      const { body } = await ask('GET', '/ticker/runs');
      return body['version'] === version && Number(body['runs']) > 0;
    };
    await eventually(() => hasRunIn('1.0.0'));
    await deploy(withVersion(artifact, '1.1.0'));
    await eventually(() => hasRunIn('1.1.0'));
  });

  it('migration makes its table and keeps notes', async () => {
    await deploy(await packed('migration'));
    const note = { text: 'buy milk', author: 'Lin' };
    strictEqual((await ask('POST', '/notes', note)).status, 201);
    deepStrictEqual((await ask('GET', '/notes')).body, { notes: [note] });
  });

  it('state-hand-over goes on counting in the next version', async () => {
    const artifact = await packed('state-hand-over');
    await deploy(artifact);
    await ask('POST', '/counter/visits');
    await deploy(withVersion(artifact, '1.1.0'));
    deepStrictEqual((await ask('POST', '/counter/visits')).body, { visits: 2, version: '1.1.0' });
  });

  it('worker-bundle computes in a thread of its own', async () => {
    await deploy(await packed('worker-bundle'));
    deepStrictEqual(await ask('GET', '/primes/below/100'), { status: 200, body: { primes: 25 } });
    const [bundle] = (await system.admin.bundles()).filter(({ symbolicName }) => symbolicName === 'example.primes');
    strictEqual(bundle?.tier, 'worker');
  });

  it('fragment adds a language to its host, and takes it away again', async () => {
    await deploy(await packed('fragment-host'));
    deepStrictEqual((await ask('GET', '/texts/welcome/en')).body, { text: 'Welcome' });
    strictEqual((await ask('GET', '/texts/welcome/zh')).body['code'], 'LANGUAGE_UNKNOWN');
    await deploy(await packed('fragment'));
    deepStrictEqual((await ask('GET', '/texts/welcome/zh')).body, { text: '欢迎' });
    await system.admin.uninstall('example.texts.chinese');
    strictEqual((await ask('GET', '/texts/welcome/zh')).status, 404);
  });
});
