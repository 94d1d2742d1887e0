/** Registering: what is accepted, what a view shows, how services are ordered. */
import assert from 'node:assert/strict';
import { Accounts, Greeter, Leaflets, RegistryFixture, greeter, ids, owner, refusal } from './fixture.js';

describe('registry: registering', () => {
  it('shows identity, owner and properties, with the names of the registry protected', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('provider', '2.1.0');
    const { view } = registry.register(provider, Greeter, greeter('a'), { Language: 'en', 'Service.Id': 99, OBJECTCLASS: 'x' }, null);
    assert.deepEqual(view, {
      id: 1,
      contractId: 'test.Greeter',
      contractVersion: '1.2.0',
      bundle: 'provider',
      bundleVersion: '2.1.0',
      ranking: 0,
      properties: {
        Language: 'en',
        objectClass: 'test.Greeter',
        'service.id': 1,
        'service.scope': 'singleton',
        'service.bundleid': provider.bundleId,
      },
    });
    assert.ok(Object.isFrozen(view) && Object.isFrozen(view.properties));
  });

  it('orders by ranking, then by the lowest id, and re-sorts at once', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('provider');
    const first = registry.register(provider, Greeter, greeter('1'), {}, null);
    registry.register(provider, Greeter, greeter('2'), { 'service.ranking': 5 }, null);
    registry.register(provider, Greeter, greeter('3'), { 'service.ranking': 5 }, null);
    registry.register(provider, Greeter, greeter('4'), { 'SERVICE.ranking': -1 }, null);
    assert.deepEqual(ids(registry.find(Greeter)), [2, 3, 1, 4]);
    first.setProperties({ 'service.ranking': 6 });
    assert.deepEqual(ids(registry.find(Greeter)), [1, 2, 3, 4]);
    first.setProperties({});
    assert.deepEqual(ids(registry.find(Greeter)), [2, 3, 1, 4]);
  });

  for (const ranking of ['7', 1.5, Number.NaN, Number.POSITIVE_INFINITY, 7n, null]) {
    it(`counts the ranking ${typeof ranking} ${String(ranking)} as 0 and warns`, () => {
      const fixture = new RegistryFixture();
      const { view } = fixture.registry.register(owner('provider'), Greeter, greeter('a'), { 'service.ranking': ranking }, null);
      assert.equal(view.ranking, 0);
      assert.deepEqual(fixture.warningCodes, ['SERVICE_RANKING_INVALID']);
    });
  }

  it('refuses keys that differ only in case, and keeps the old properties then', () => {
    const { registry } = new RegistryFixture();
    const registration = registry.register(owner('provider'), Greeter, greeter('a'), { tone: 'warm' }, null);
    const twice = { Tone: 'cold', tone: 'warm' };
    assert.deepEqual(
      refusal(() => registration.setProperties(twice)),
      { code: 'SERVICE_PROPERTIES_INVALID', retryable: false },
    );
    assert.equal(registration.view.properties['tone'], 'warm');
    assert.deepEqual(ids(registry.find(Greeter, { filter: '(tone=warm)' })), [1]);
    assert.deepEqual(
      refusal(() => registry.register(owner('other'), Greeter, greeter('b'), twice, null)),
      { code: 'SERVICE_PROPERTIES_INVALID', retryable: false },
    );
    assert.deepEqual(ids(registry.find(Greeter)), [1]);
  });

  it('refuses a service without the methods of the contract, naming them', () => {
    const { registry } = new RegistryFixture();
    const incomplete = {} as never;
    assert.throws(
      () => registry.register(owner('provider'), Accounts, incomplete, {}, null),
      (error: { code: string; details: object }) => {
        assert.equal(error.code, 'SERVICE_INCOMPLETE');
        assert.deepEqual(error.details, { contract: 'test.Accounts', bundle: 'provider', missing: ['balance'] });
        return true;
      },
    );
    for (const nothing of [null, undefined, 'text', 7]) {
      assert.equal(
        (refusal(() => registry.register(owner('p'), Leaflets, nothing as never, {}, null)) as { code: string }).code,
        'SERVICE_INCOMPLETE',
      );
    }
    assert.deepEqual(registry.counts().services, 0);
  });

  it('refuses a factory for a contract without methods', () => {
    const { registry } = new RegistryFixture();
    const registration = { factory: { getService: () => ({ text: 'a' }) }, scope: 'bundle' } as const;
    assert.deepEqual(
      refusal(() => registry.register(owner('p'), Leaflets, registration, {}, null)),
      { code: 'CONTRACT_NOT_CALLABLE', retryable: false },
    );
  });

  it('refuses a value that is no contract', () => {
    const { registry } = new RegistryFixture();
    assert.deepEqual(
      refusal(() => registry.register(owner('p'), { id: 'x.Y' } as never, {}, {}, null)),
      { code: 'CONTRACT_INVALID', retryable: false },
    );
  });

  it('keeps the last view after the service is gone, refuses to change it, and may be unregistered twice', () => {
    const { registry } = new RegistryFixture();
    const registration = registry.register(owner('provider'), Greeter, greeter('a'), { tone: 'warm' }, null);
    registration.unregister();
    registration.unregister();
    assert.equal(registration.view.properties['tone'], 'warm');
    assert.deepEqual(
      refusal(() => registration.setProperties({})),
      { code: 'SERVICE_UNREGISTERED', retryable: false },
    );
    assert.deepEqual(registry.find(Greeter), []);
  });

  it('lists published services with their users', () => {
    const { registry } = new RegistryFixture();
    registry.register(owner('provider', '1.1.0'), Greeter, greeter('a'), { tone: 'warm' }, null);
    registry.register(owner('other'), Leaflets, { text: 'b' }, {}, null);
    const [one, two] = [owner('consumer'), owner('another')];
    registry.reference(one, Greeter, undefined, null);
    registry.reference(one, Greeter, undefined, null);
    registry.list(two, Greeter, undefined, null);
    const [line] = registry.services('(tone=warm)');
    assert.deepEqual(line, {
      id: 1,
      contract: 'test.Greeter',
      version: '1.2.0',
      bundle: 'provider',
      bundleVersion: '1.1.0',
      ranking: 0,
      scope: 'singleton',
      properties: line?.properties,
      users: ['another@1.0.0', 'consumer@1.0.0'],
    });
    assert.deepEqual(
      registry.services().map(({ id }) => id),
      [1, 2],
    );
  });
});
