/** The diagnosis of a running system: twenty secrets planted where secrets get to, none of them found. */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { ConfigSource, contract, defineBundle, Health, method, Type } from '@sluice/sdk';
import { diagnosisFiles, Redactor } from '@sluice/kernel/model/index';
import { artifactOf, TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const PLANTED = [
  ...['marked-default-0001', 'marked-operator-0002', 'marked-runtime-0003', 'nested-marked-0004', 'list-marked-0005'],
  ...['named-password-0006', 'from-environment-0007', 'from-a-file-0008', 'schema-default-0009', 'unknown-key-token-0010'],
  ...['logged-by-name-0011', 'logged-in-text-0012', 'logged-bearer-0013', 'url-password-0014', 'error-message-0015'],
  ...['service-property-0016', 'health-message-0017', 'health-detail-0018', 'nested-log-field-0019', 'base64-in-a-log-0020'],
] as const;
const [markedDefault, markedOperator, markedRuntime, nested, inList, named, environment, file, schemaDefault, unknownKey, ...rest] =
  PLANTED;
const [loggedByName, loggedInText, bearer, urlPassword, errorMessage, property, healthMessage, healthDetail, nestedField, encoded] = rest;

const Vault = contract('test.Vault', '1.0.0', { open: method([], Type.Boolean()) });
const secret = { type: 'string', 'x-secret': true };

const VAULT: TestBundle = {
  symbolicName: 'test.vault',
  definition: defineBundle<Record<string, any>>({
    provides: [Vault],
    activate(context) {
      context.register(Vault, { open: () => Promise.resolve(true) }, { apiKey: property, note: 'plain' });
      const { log, config } = context;
      log.warn('by name', { password: loggedByName, request: { headers: { cookie: nestedField } } });
      // A bundle that is careless with what it was configured with: the values are known, wherever they appear.
      log.info(`opening with ${config['key'] as string} and ${config['fromEnv'] as string}, password=${loggedInText}`);
      log.info(`Authorization: Bearer ${bearer}`);
      log.info(`connecting to postgres://bank:${urlPassword}@db/bank`, {
        base64: Buffer.from(config['encoded'] as string).toString('base64'),
      });
    },
  }),
  manifest: {
    config: {
      schema: {
        type: 'object',
        properties: {
          key: secret,
          shipped: secret,
          run: secret,
          encoded: secret,
          fromEnv: { type: 'string' },
          fromFile: { type: 'string' },
          withDefault: { ...secret, default: schemaDefault },
          dbPassword: { type: 'string' },
          nested: { type: 'object', properties: { inner: secret } },
          list: { type: 'array', items: secret },
          limit: { type: 'integer' },
        },
      },
      defaults: { shipped: markedDefault, limit: 5 },
    },
  },
};

const FAILING: TestBundle = {
  symbolicName: 'test.failing',
  definition: defineBundle({
    activate: () => {
      throw new Error(`login refused: token="${errorMessage}"`);
    },
  }),
};

describe('diagnosis', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
    runtime.provide(ConfigSource, {
      layers: (bundle) =>
        Promise.resolve(
          bundle !== 'test.vault'
            ? []
            : [
                {
                  layer: 'operator',
                  values: {
                    ...{
                      key: markedOperator,
                      dbPassword: named,
                      nested: { inner: nested },
                      list: [inList],
                      encoded,
                      extra: { token: unknownKey },
                    },
                    ...{ fromEnv: environment, fromFile: file },
                  },
                  stored: {
                    ...{
                      key: markedOperator,
                      dbPassword: named,
                      nested: { inner: nested },
                      list: [inList],
                      encoded,
                      extra: { token: unknownKey },
                    },
                    ...{ fromEnv: { $env: 'VAULT_ENV' }, fromFile: { $file: '/run/secrets/vault' } },
                  },
                },
                { layer: 'runtime', values: { run: markedRuntime } },
              ],
        ),
      watch: () => () => undefined,
      set: () => Promise.resolve(),
      history: () => Promise.resolve([]),
      resolve: (_bundle, changes) => Promise.resolve(changes),
    });
    const check = { bundle: 'test.vault', name: 'door', tags: ['readiness'], durationMs: 1, status: 'CRITICAL' as const };
    const report = {
      status: 'CRITICAL' as const,
      checks: [{ ...check, message: `pin is ${healthMessage}`, details: { accessKey: healthDetail, tries: 3 } }],
    };
    runtime.provide(Health, { report: () => Promise.resolve(report) });
    await runtime.deploy(VAULT);
    await runtime.kernel.install([artifactOf(FAILING)], { actor: 'lin' });
    await runtime.kernel.start('test.failing', { actor: 'lin' });
  });
  afterEach(() => runtime.stop());

  it('holds everything worth knowing and none of twenty planted secrets', async () => {
    // They are there: without the redaction they would be found.
    const leaky = JSON.stringify([
      runtime.kernel.logs({}),
      runtime.kernel.services(),
      runtime.kernel.inspect('test.vault'),
      runtime.kernel.inspect('test.failing'),
    ]);
    ok(
      [loggedInText, bearer, urlPassword, markedOperator, environment, property, markedDefault, errorMessage].every((value) =>
        leaky.includes(value),
      ),
    );

    const files = await runtime.kernel.diagnose({ heap: false });
    const found = files.flatMap(({ name, text }) =>
      PLANTED.flatMap((value) => {
        const forms = [value, Buffer.from(value).toString('base64'), encodeURIComponent(value)];
        return forms.some((form) => text.includes(form)) ? [`${value} in ${name}`] : [];
      }),
    );
    equal(found, []);
    equal(
      files.map(({ name }) => name),
      [
        ...['README.txt', 'system.json', 'bundles.json', 'wires.json', 'services.json', 'routes.json', 'scopes.txt', 'config.json'],
        ...['health.json', 'figures.json', 'entries.json', 'replaced.json', 'history.json', 'releases.json', 'config-changes.json'],
        ...['events.jsonl', 'log.jsonl'],
      ],
    );
    const textOf = (name: string): string => files.find((one) => one.name === name)?.text ?? '';
    const config = (JSON.parse(textOf('config.json')) as Record<string, Record<string, unknown>>)['test.vault'];
    equal(
      [config?.['limit'], config?.['fromEnv'], config?.['key']],
      [
        { value: 5, layer: 'shipped' },
        { value: { $env: 'VAULT_ENV' }, layer: 'operator' },
        { value: '***', layer: 'operator' },
      ],
    );
    ok(textOf('log.jsonl').includes('opening with *** and ***, password=***'));
    ok(textOf('scopes.txt').startsWith('test.vault@1.0.0#1\n  service test.Vault #'));
    ok(textOf('history.json').includes('login refused: token=***'));
  });

  it('tells what could not be gathered, and all the rest', async () => {
    runtime.provide(Health, { report: () => Promise.reject(new Error('the health bundle is ill')) }, { 'service.ranking': 10 });
    const files = await runtime.kernel.diagnose({ heap: false });
    equal(JSON.parse(files.find(({ name }) => name === 'health.json')?.text ?? ''), { unavailable: 'the health bundle is ill' });
    equal(files.length, 17);
  });

  it('stays bounded: the oldest lines are left out', () => {
    const lines = Array.from({ length: 15_000 }, (_, line) => ({ line, text: 'x'.repeat(300) }));
    const files = diagnosisFiles({ 'log.jsonl': lines, 'list.json': lines, 'text.txt': 'y'.repeat(5_000_000) }, new Redactor());
    for (const { name, text } of files) ok(text.length <= 4_000_000, name);
    const last = files[0]?.text.trimEnd().split('\n').at(-1);
    equal(JSON.parse(last ?? ''), lines.at(-1));
    const list = JSON.parse(files[1]?.text ?? '') as unknown[];
    equal(list.at(-1), lines.at(-1));
    ok(list.length > 8_000);
  });
});
