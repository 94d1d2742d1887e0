/** The version bundle in the real kernel, asked over real HTTP. */
import { deepStrictEqual as equal, notStrictEqual, strictEqual } from 'node:assert';
import { defineBundle, RouteTable } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import { artifactOf } from '@sluice/kernel/testing/test-bundle';
import httpBundle from '../../../plugins/system/http/activator.js';
import versionBundle from '../../../plugins/system/version/activator.js';
import { systemBundle } from '../system/system-bundle.js';

const bundle = (symbolicName: string, version: string, family: 'channel' | 'core'): TestBundle => ({
  ...{ symbolicName, version },
  manifest: { family },
  definition: defineBundle({}),
});

describe('system.version over HTTP', () => {
  let runtime: TestRuntime;
  let url: string;

  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(systemBundle('http', httpBundle, { port: 0, host: '127.0.0.1' }), systemBundle('version', versionBundle));
    url = `${runtime.service(RouteTable).addresses()[0]}/.well-known/sluice/version`;
  });
  afterEach(() => runtime.stop());

  const ask = (tag?: string) => fetch(url, { headers: { connection: 'close', ...(tag === undefined ? {} : { 'if-none-match': tag }) } });

  it('tells generation, release and the versions of channels, and nothing of what is below them', async () => {
    equal(await (await ask()).json(), { generation: 1, release: null, bundles: {} });
    await runtime.deploy(bundle('channel.mobile', '1.0.0', 'channel'), bundle('core.ledger', '1.0.0', 'core'));
    const mobile = artifactOf(bundle('channel.mobile', '1.1.0', 'channel'));
    const release = { name: 'bank', version: '7.0.0', bundles: [{ name: 'channel.mobile', version: '1.1.0' }] };
    await runtime.kernel.deployRelease(release, [mobile], { actor: 'test' });
    equal(await (await ask()).json(), {
      generation: 3,
      release: { name: 'bank', version: '7.0.0' },
      bundles: { 'channel.mobile': '1.1.0' },
    });
    await runtime.kernel.stop('channel.mobile', { actor: 'test' });
    equal(((await (await ask()).json()) as { bundles: object }).bundles, {});
  });

  it('answers 304 without a body until something changed', async () => {
    const first = await ask();
    const tag = first.headers.get('etag') ?? '';
    equal([first.status, first.headers.get('cache-control')], [200, 'no-cache']);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const again = await ask(known);
      equal([again.status, again.headers.get('etag'), await again.text()], [304, tag, '']);
    }
    strictEqual((await ask('"other"')).status, 200);
    await runtime.deploy(bundle('channel.mobile', '1.0.0', 'channel'));
    const changed = await ask(tag);
    equal(changed.status, 200);
    notStrictEqual(changed.headers.get('etag'), tag);
  });

  it('tells what its configuration says', async () => {
    await runtime.deploy(bundle('core.ledger', '1.0.0', 'core'));
    await runtime.deploy(systemBundle('version', versionBundle, { families: ['core'], showRelease: false }, '1.1.0'));
    equal(await (await ask()).json(), { generation: 3, release: null, bundles: { 'core.ledger': '1.0.0' } });
  });
});
