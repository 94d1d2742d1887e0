/** Promises of the configuration store, on files in memory and in virtual time. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { codeOf, type ConfigChange } from '@sluice/sdk';
import { ConfigStore, type ConfigFiles, type FileKind } from '../../../../plugins/system/config/domain/config-store.js';

class Files implements ConfigFiles {
  readonly texts = new Map<string, string>();
  readonly histories = new Map<string, string>();
  failWrites = false;
  failHistory = false;

  async names(layer: FileKind): Promise<string[]> {
    return [...this.texts.keys()].filter((path) => path.startsWith(`${layer}/`)).map((path) => path.slice(layer.length + 1));
  }
  async read(kind: FileKind, bundle: string): Promise<string | null> {
    return this.texts.get(`${kind}/${bundle}`) ?? null;
  }
  async write(kind: FileKind, bundle: string, text: string): Promise<void> {
    if (this.failWrites) throw new Error('disk full');
    this.texts.set(`${kind}/${bundle}`, text);
  }
  async appendHistory(bundle: string, lines: string): Promise<void> {
    if (this.failHistory) throw new Error('disk full');
    this.histories.set(bundle, (this.histories.get(bundle) ?? '') + lines);
  }
  async history(bundle: string): Promise<string> {
    return this.histories.get(bundle) ?? '';
  }
  path(kind: FileKind, bundle: string): string {
    return `${kind}/${bundle}`;
  }
}

const schema = {
  properties: {
    limit: { type: 'integer' },
    name: {},
    password: { 'x-secret': true },
    db: { properties: { key: { 'x-secret': true }, host: {} } },
  },
};

function setup(files = new Files()) {
  const warnings: string[] = [];
  const environment: Record<string, string> = { DB_KEY: 's3cret' };
  const secretFiles: Record<string, string> = {};
  const told: string[] = [];
  const store = new ConfigStore({
    files,
    secrets: {
      environment: (name) => environment[name],
      file: async (path) => {
        if (secretFiles[path] === undefined) throw new Error('ENOENT: no such file');
        return secretFiles[path];
      },
    },
    log: { warn: (text) => void warnings.push(text), error: (text) => void warnings.push(text) },
    now: () => 1_000,
    digest: (text) => text,
    schemaOf: (bundle) => (bundle === 'core.ledger' ? schema : undefined),
  });
  store.watch((bundle) => told.push(bundle));
  return { store, files, warnings, environment, secretFiles, told };
}

const historyOf = async (store: ConfigStore, bundle = 'core.ledger'): Promise<unknown[]> =>
  (await store.history(bundle)).map(({ actor, key, layer, before, after }: ConfigChange) => [actor, layer, key, before, after]);
const twoLooks = async (store: ConfigStore): Promise<string[]> => [await store.scan(), await store.scan()];

describe('system.config store', () => {
  it('gives the operator layer, then the run-time layer', async () => {
    const { store, files } = setup();
    files.texts.set('operator/core.ledger', '{"limit": 5, "name": "a"}');
    files.texts.set('runtime/core.ledger', '{"limit": 7}');
    equal(await store.layers('core.ledger'), [
      { layer: 'operator', values: { limit: 5, name: 'a' } },
      { layer: 'runtime', values: { limit: 7 } },
    ]);
    equal(await store.layers('core.other'), [
      { layer: 'operator', values: {} },
      { layer: 'runtime', values: {} },
    ]);
  });

  it('refuses names that are no symbolic names', async () => {
    const { store } = setup();
    for (const name of ['../etc/passwd', '', 'A', 'a/b', '__proto__']) {
      for (const attempt of [store.layers(name), store.set(name, {}, 'me'), store.history(name)]) {
        await rejects(attempt, (error) => codeOf(error) === 'CONFIG_BUNDLE_NAME_INVALID');
      }
    }
  });

  it('writes run-time values, removes with undefined and null, and tells watchers after it', async () => {
    const { store, files, told } = setup();
    await store.set('core.ledger', { limit: 7, name: 'x', 'extra-key': [1] }, 'anna');
    await store.set('core.ledger', { name: undefined, 'extra-key': null }, 'ben');
    equal(files.texts.get('runtime/core.ledger'), '{\n  "limit": 7\n}\n');
    equal((await store.layers('core.ledger'))[1], { layer: 'runtime', values: { limit: 7 } });
    equal(told, ['core.ledger', 'core.ledger']);
    equal(await historyOf(store), [
      ['anna', 'runtime', 'extra-key', undefined, '***'],
      ['anna', 'runtime', 'limit', undefined, 7],
      ['anna', 'runtime', 'name', undefined, 'x'],
      ['ben', 'runtime', 'extra-key', '***', undefined],
      ['ben', 'runtime', 'name', 'x', undefined],
    ]);
    equal(await twoLooks(store), ['settled', 'settled']);
    equal(told.length, 2);
  });

  it('refuses keys that the operator locked and passes over what run time said before', async () => {
    const { store, files } = setup();
    files.texts.set('operator/core.ledger', '{"$locked": ["limit"], "limit": 5}');
    files.texts.set('runtime/core.ledger', '{"limit": 9, "name": "r"}');
    await rejects(store.set('core.ledger', { name: 'n', limit: 6 }, 'anna'), (error) => codeOf(error) === 'CONFIG_KEY_LOCKED');
    equal(await store.layers('core.ledger'), [
      { layer: 'operator', values: { limit: 5 } },
      { layer: 'runtime', values: { name: 'r' } },
    ]);
    await store.set('core.ledger', { limit: undefined }, 'anna');
    equal(files.texts.get('runtime/core.ledger'), '{\n  "name": "r"\n}\n');
  });

  it('refuses keys that are no configuration keys', async () => {
    const { store, files } = setup();
    for (const values of [{ $locked: [] }, JSON.parse('{"__proto__": 1}') as Record<string, unknown>, { '': 1 }]) {
      await rejects(store.set('core.ledger', values, 'anna'), (error) => codeOf(error) === 'CONFIG_VALUE_INVALID');
    }
    equal([...files.texts], []);
  });

  it('changes nothing when the disk refuses, and everything but the history when only that fails', async () => {
    const { store, files, warnings } = setup();
    files.failWrites = true;
    await rejects(store.set('core.ledger', { limit: 1 }, 'anna'), (error) => codeOf(error) === 'CONFIG_WRITE_FAILED');
    equal((await store.layers('core.ledger'))[1]?.values, {});
    files.failWrites = false;
    files.failHistory = true;
    await store.set('core.ledger', { limit: 2 }, 'anna');
    equal((await store.layers('core.ledger'))[1]?.values, { limit: 2 });
    equal(warnings.length, 1);
  });

  it('takes a changed file after two equal looks, and only then', async () => {
    const { store, files, told } = setup();
    files.texts.set('operator/core.ledger', '{"limit": 5}');
    await store.layers('core.ledger');
    files.texts.set('operator/core.ledger', '{"limit": 6}');
    equal(await store.scan(), 'settling');
    files.texts.set('operator/core.ledger', '{"limit": 7}');
    equal(await store.scan(), 'settling');
    equal([(await store.layers('core.ledger'))[0]?.values, told], [{ limit: 5 }, []]);
    equal(await store.scan(), 'settled');
    equal([(await store.layers('core.ledger'))[0]?.values, told], [{ limit: 7 }, ['core.ledger']]);
    equal(await historyOf(store), [
      ['file', 'operator', 'limit', undefined, 5],
      ['file', 'operator', 'limit', 5, 7],
    ]);
  });

  it('takes a removed file as empty', async () => {
    const { store, files, told } = setup();
    files.texts.set('operator/core.ledger', '{"limit": 5}');
    await store.layers('core.ledger');
    files.texts.delete('operator/core.ledger');
    equal(await twoLooks(store), ['settling', 'settled']);
    equal([(await store.layers('core.ledger'))[0]?.values, told], [{}, ['core.ledger']]);
    equal(await twoLooks(store), ['settled', 'settled']);
  });

  it('says nothing when only the layout of a file changed', async () => {
    const { store, files, told } = setup();
    files.texts.set('operator/core.ledger', '{"limit": 5, "name": "a"}');
    await store.layers('core.ledger');
    files.texts.set('operator/core.ledger', '{ "name": "a",\n "limit": 5 }');
    await twoLooks(store);
    equal(told, []);
  });

  it('keeps the last good content of a broken file, warns once, and again over a restart', async () => {
    const files = new Files();
    const first = setup(files);
    files.texts.set('operator/core.ledger', '{"limit": 5}');
    await first.store.layers('core.ledger');
    files.texts.set('operator/core.ledger', '{"limit": ');
    for (let index = 0; index < 5; index++) await first.store.scan();
    equal((await first.store.layers('core.ledger'))[0]?.values, { limit: 5 });
    equal([first.told, first.warnings.length], [[], 1]);

    const second = setup(files);
    equal((await second.store.layers('core.ledger'))[0]?.values, { limit: 5 });
    equal(second.warnings.length, 1);
    files.texts.set('operator/core.ledger', '{"limit": 6}');
    await twoLooks(second.store);
    equal([(await second.store.layers('core.ledger'))[0]?.values, second.told], [{ limit: 6 }, ['core.ledger']]);
  });

  it('refuses a broken file without a last good content, and tells when it was corrected', async () => {
    const { store, files, told } = setup();
    files.texts.set('operator/core.ledger', '[1]');
    await rejects(store.layers('core.ledger'), {
      code: 'CONFIG_FILE_INVALID',
      message:
        "Cannot read the operator configuration of 'core.ledger' in 'operator/core.ledger': found a list, expected one JSON object of configuration keys",
    });
    equal([await store.scan(), told], ['settled', []]);
    files.texts.set('operator/core.ledger', '{"limit": 1}');
    equal([await store.scan(), told], ['settled', ['core.ledger']]);
    equal((await store.layers('core.ledger'))[0]?.values, { limit: 1 });
  });

  it('records what was changed while the system was down', async () => {
    const files = new Files();
    files.texts.set('operator/core.ledger', '{"limit": 5}');
    await setup(files).store.layers('core.ledger');
    files.texts.set('operator/core.ledger', '{"limit": 8}');
    const second = setup(files);
    await second.store.layers('core.ledger');
    await setup(files).store.layers('core.ledger');
    equal(await historyOf(second.store), [
      ['file', 'operator', 'limit', undefined, 5],
      ['file', 'operator', 'limit', 5, 8],
    ]);
  });
});

describe('system.config succession', () => {
  it('tells what was changed or removed while no revision looked, once, and nothing else', async () => {
    const files = new Files();
    files.texts.set('operator/core.ledger', '{"limit": 5}');
    files.texts.set('operator/core.removed', '{"limit": 5}');
    files.texts.set('operator/core.same', '{"limit": 5}');
    const first = setup(files);
    for (const bundle of ['core.ledger', 'core.removed', 'core.same']) await first.store.layers(bundle);
    files.texts.set('operator/core.ledger', '{"limit": 6}');
    files.texts.delete('operator/core.removed');
    const second = setup(files);
    await twoLooks(second.store);
    equal([...second.told].sort(), ['core.ledger', 'core.removed']);
    equal((await second.store.layers('core.removed'))[0]?.values, {});
  });

  it('notices a secret that changes after another revision handed it out', async () => {
    const files = new Files();
    files.texts.set('operator/core.ledger', '{"password": {"$env": "DB_KEY"}}');
    await setup(files).store.layers('core.ledger');
    const second = setup(files);
    await twoLooks(second.store);
    second.environment['DB_KEY'] = 'rotated';
    await second.store.scan();
    equal(second.told, ['core.ledger']);
  });
});

describe('system.config secrets', () => {
  it('resolves references when values are read and keeps them as they are everywhere else', async () => {
    const { store, files, secretFiles } = setup();
    secretFiles['/run/pw'] = 'file-secret';
    files.texts.set('operator/core.ledger', '{"db": {"key": {"$env": "DB_KEY"}, "host": "h"}}');
    await store.set('core.ledger', { password: { $file: '/run/pw' } }, 'anna');
    equal(await store.layers('core.ledger'), [
      { layer: 'operator', values: { db: { key: 's3cret', host: 'h' } }, stored: { db: { key: { $env: 'DB_KEY' }, host: 'h' } } },
      { layer: 'runtime', values: { password: 'file-secret' }, stored: { password: { $file: '/run/pw' } } },
    ]);
    equal(files.texts.get('runtime/core.ledger'), '{\n  "password": {\n    "$file": "/run/pw"\n  }\n}\n');
    equal(await historyOf(store), [
      ['file', 'operator', 'db', undefined, { key: { $env: 'DB_KEY' }, host: 'h' }],
      ['anna', 'runtime', 'password', undefined, { $file: '/run/pw' }],
    ]);
  });

  it('never records a secret, nor anything of a bundle whose schema is unknown', async () => {
    const { store, files } = setup();
    await store.set('core.ledger', { password: 'hunter2', db: { key: 'k-literal', host: 'h' } }, 'anna');
    await store.set('core.ledger', { password: 'hunter3' }, 'anna');
    await store.set('core.unknown', { anything: 'hunter4' }, 'anna');
    equal(await historyOf(store), [
      ['anna', 'runtime', 'db', undefined, { key: '***', host: 'h' }],
      ['anna', 'runtime', 'password', undefined, '***'],
      ['anna', 'runtime', 'password', '***', '***'],
    ]);
    equal(await historyOf(store, 'core.unknown'), [['anna', 'runtime', 'anything', undefined, '***']]);
    equal(/hunter|k-literal/.test([...files.histories.values()].join()), false);
  });

  it('names every reference that leads nowhere, and no secret', async () => {
    const { store, files } = setup();
    files.texts.set('operator/core.ledger', '{"password": {"$env": "GONE"}, "db": {"key": {"$file": "/gone"}}}');
    await rejects(store.layers('core.ledger'), {
      code: 'CONFIG_SECRET_UNRESOLVED',
      message:
        'Cannot read the configuration of \'core.ledger\': \'password\' refers to {"$env":"GONE"}, but the environment has no such variable; ' +
        '\'db.key\' refers to {"$file":"/gone"}, but ENOENT: no such file',
    });
  });

  it('tells watchers when the secret behind a reference changed, and not when it is gone for a moment', async () => {
    const { store, files, environment, told } = setup();
    files.texts.set('operator/core.ledger', '{"password": {"$env": "DB_KEY"}}');
    await store.layers('core.ledger');
    delete environment['DB_KEY'];
    await store.scan();
    equal(told, []);
    environment['DB_KEY'] = 'rotated';
    await store.scan();
    equal(told, ['core.ledger']);
    equal((await store.layers('core.ledger'))[0]?.values, { password: 'rotated' });
    await store.scan();
    equal(told, ['core.ledger']);
  });

  it('uses a file for one version in place of the one for all, for that version only', async () => {
    const { store, files, told } = setup();
    files.texts.set('operator/core.ledger', '{"limit": 5, "name": "all"}');
    files.texts.set('operator/core.ledger@2.0.0', '{"limit": 9, "$locked": ["limit"]}');
    files.texts.set('runtime/core.ledger', '{"limit": 6}');
    const valuesOf = async (version?: string) => (await store.layers('core.ledger', version)).map(({ values }) => values);
    equal(
      [await valuesOf(), await valuesOf('1.0.0'), await valuesOf('2.0.0')],
      [
        [{ limit: 5, name: 'all' }, { limit: 6 }],
        [{ limit: 5, name: 'all' }, { limit: 6 }],
        [{ limit: 9 }, {}],
      ],
    );
    files.texts.set('operator/core.ledger@2.0.0', '{"limit": 10}');
    await store.scan();
    await store.scan();
    equal([await valuesOf('2.0.0'), told], [[{ limit: 10 }, { limit: 6 }], ['core.ledger']]);
  });

  it('a version that could lead out of the folder has no file of its own', async () => {
    const { store, files } = setup();
    files.texts.set('operator/core.ledger', '{"limit": 5}');
    files.texts.set('operator/core.ledger@../x', '{"limit": 9}');
    equal((await store.layers('core.ledger', '../x'))[0]?.values, { limit: 5 });
  });
});
