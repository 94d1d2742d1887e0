/** Live references: they follow the best matching service, never go stale, and fail at once and clearly when there is none. */
import assert from 'node:assert/strict';
import { localContract } from '@sluice/sdk';
import { Accounts, Greeter, Leaflets, RegistryFixture, greeter, greeterOf, owner, refusal } from './fixture.js';

describe('registry: references', () => {
  it('follows the best service through registering, re-ranking and unregistering', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('provider');
    const { service } = registry.reference(owner('consumer'), Greeter, undefined, null);
    const first = registry.register(provider, Greeter, greeter('first'), {}, null);
    const seen = [service.greet('x')];
    const second = registry.register(provider, Greeter, greeter('second'), { 'service.ranking': 1 }, null);
    seen.push(service.greet('x'));
    first.setProperties({ 'service.ranking': 2 });
    seen.push(service.greet('x'));
    first.unregister();
    seen.push(service.greet('x'));
    second.unregister();
    assert.deepEqual(seen, ['first greets x', 'second greets x', 'first greets x', 'second greets x']);
    assert.deepEqual(
      refusal(() => service.greet('x')),
      { code: 'SERVICE_UNAVAILABLE', retryable: true },
    );
  });

  it('says which contract nobody provides, to whom, and that a retry may help', () => {
    const { registry } = new RegistryFixture();
    const { service } = registry.reference(owner('consumer', '3.0.0'), Greeter, { filter: '(tone=warm)' }, null);
    assert.throws(
      () => service.greet('x'),
      (error: { code: string; httpStatus: number; details: object; message: string; remedy: string }) => {
        assert.deepEqual(
          { code: error.code, httpStatus: error.httpStatus, details: error.details },
          {
            code: 'SERVICE_UNAVAILABLE',
            httpStatus: 503,
            details: { contract: 'test.Greeter', version: '1.2.0', consumer: 'consumer@3.0.0', method: 'greet' },
          },
        );
        assert.match(error.message, /'consumer' cannot call 'test\.Greeter\.greet'.*\(tone=warm\)/);
        assert.match(error.remedy, /Start a bundle/);
        return true;
      },
    );
  });

  it('passes properties of a local service through, those of the service of the moment', () => {
    const Database = localContract<{ readonly dialect: string; query(): string }>('test.Database', '1.0.0', ['query'], ['dialect']);
    const { registry } = new RegistryFixture();
    const { service } = registry.reference(owner('consumer'), Database, undefined, null);
    assert.deepEqual(
      refusal(() => service.dialect),
      { code: 'SERVICE_UNAVAILABLE', retryable: true },
    );
    registry.register(owner('one'), Database, { dialect: 'sqlite', query: () => '' }, {}, null);
    const seen = [service.dialect];
    registry.register(owner('other'), Database, { dialect: 'postgres', query: () => '' }, { 'service.ranking': 1 }, null);
    assert.deepEqual([...seen, service.dialect], ['sqlite', 'postgres']);
  });

  it('answers an asynchronous method with a rejection, never with a throw', async () => {
    const { registry } = new RegistryFixture();
    const { service } = registry.reference(owner('consumer'), Accounts, undefined, null);
    const answer = service.balance('1');
    await assert.rejects(answer, { code: 'SERVICE_UNAVAILABLE', retryable: true });
  });

  it('calls the service as its own receiver, with missing arguments as undefined', () => {
    const { registry } = new RegistryFixture();
    class Counting {
      #calls = 0;
      greet(name: string): string {
        this.#calls += 1;
        return `${this.#calls} ${String(name)}`;
      }
    }
    registry.register(owner('provider'), Greeter, new Counting(), {}, null);
    const { service } = registry.reference(owner('consumer'), Greeter, undefined, null);
    const loose = service as unknown as { greet(): string };
    assert.deepEqual([service.greet('a'), loose.greet()], ['1 a', '2 undefined']);
  });

  it('shows the consumer nothing but the methods', () => {
    const { registry } = new RegistryFixture();
    registry.register(owner('provider'), Greeter, greeter('a'), {}, null);
    const { service } = registry.reference(owner('consumer'), Greeter, undefined, null);
    assert.deepEqual(Reflect.ownKeys(service), ['greet']);
    assert.equal(Object.getPrototypeOf(service), Object.prototype);
    const { greet } = service;
    assert.equal(greet('x'), 'a greets x');
  });

  it('takes only compatible versions unless a range says otherwise', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('provider');
    for (const version of ['2.0.0', '1.1.9', '1.2.0', '1.3.5']) {
      registry.register(provider, greeterOf(version), greeter(version), {}, null);
    }
    const versionsFor = (range: string | undefined): readonly string[] =>
      registry.find(Greeter, range === undefined ? {} : { range }).map(({ contractVersion }) => contractVersion);
    assert.deepEqual(
      { byDefault: versionsFor(undefined), npm: versionsFor('>=1.3.0'), osgi: versionsFor('[1.1,1.3)') },
      { byDefault: ['1.2.0', '1.3.5'], npm: ['2.0.0', '1.3.5'], osgi: ['1.1.9', '1.2.0'] },
    );
    const { view } = registry.reference(owner('consumer'), Greeter, undefined, null);
    assert.equal(view?.contractVersion, '1.2.0');
  });

  it('re-evaluates its filter when properties change', () => {
    const { registry } = new RegistryFixture();
    const registration = registry.register(owner('provider'), Greeter, greeter('a'), { tone: 'cold' }, null);
    const { reference } = registry.optional(owner('consumer'), Greeter, { filter: '(Tone=warm)' }, null);
    const seen = [reference.get()?.greet('x')];
    registration.setProperties({ TONE: 'warm' });
    seen.push(reference.get()?.greet('x'));
    registration.setProperties({ tone: 'cold' });
    seen.push(reference.get()?.greet('x'));
    assert.deepEqual(seen, [undefined, 'a greets x', undefined]);
  });

  it('keeps a sticky reference at its service while that lives and matches', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('provider');
    const first = registry.register(provider, Greeter, greeter('first'), { tone: 'warm' }, null);
    const { service } = registry.reference(owner('consumer'), Greeter, { sticky: true, filter: '(tone=warm)' }, null);
    registry.register(provider, Greeter, greeter('better'), { 'service.ranking': 9, tone: 'warm' }, null);
    const seen = [service.greet('x')];
    first.setProperties({ tone: 'cold' });
    seen.push(service.greet('x'));
    assert.deepEqual(seen, ['first greets x', 'better greets x']);
  });

  it('hands out the object itself for a contract without methods, and no live reference', () => {
    const { registry } = new RegistryFixture();
    const consumer = owner('consumer');
    const leaflet = { text: 'a' };
    const { reference } = registry.optional(consumer, Leaflets, undefined, null);
    const before = reference.get();
    registry.register(owner('provider'), Leaflets, leaflet, {}, null);
    assert.deepEqual([before, reference.get()], [undefined, leaflet]);
    assert.deepEqual(
      refusal(() => registry.reference(consumer, Leaflets, undefined, null)),
      { code: 'CONTRACT_NOT_CALLABLE', retryable: false },
    );
  });

  it('refuses calls after it was closed, for ever', async () => {
    const { registry } = new RegistryFixture();
    registry.register(owner('provider'), Greeter, greeter('a'), {}, null);
    const consumer = owner('consumer');
    const handle = registry.reference(consumer, Greeter, undefined, null);
    const other = registry.reference(consumer, Accounts, undefined, null);
    for (const closing of [handle, handle, other]) closing.close();
    registry.register(owner('provider'), Greeter, greeter('b'), { 'service.ranking': 3 }, null);
    assert.deepEqual(
      refusal(() => handle.service.greet('x')),
      { code: 'CONTEXT_CLOSED', retryable: false },
    );
    await assert.rejects(other.service.balance('1'), { code: 'CONTEXT_CLOSED' });
  });

  it('names a method that the provider lacks although its version promises it', () => {
    const { registry } = new RegistryFixture();
    const shape = { args: [], result: {} as never, sync: true };
    const richer = { ...Greeter, methods: { ...Greeter.methods, wave: shape } };
    registry.register(owner('provider'), Greeter, greeter('a'), {}, null);
    const { service } = registry.reference(owner('consumer'), richer, undefined, null);
    const waving = service as unknown as { wave(): void; greet(name: string): string };
    assert.equal(waving.greet('x'), 'a greets x');
    assert.deepEqual(
      refusal(() => waving.wave()),
      { code: 'METHOD_MISSING', retryable: false },
    );
  });

  it('refuses a filter and a range it cannot read, and holds nothing then', () => {
    const { registry } = new RegistryFixture();
    const consumer = owner('consumer');
    const codes = [{ filter: '(tone=' }, { range: 'one.two' }].map(
      (options) => (refusal(() => registry.reference(consumer, Greeter, options, null)) as { code: string }).code,
    );
    assert.deepEqual(codes, ['FILTER_INVALID', 'RANGE_INVALID']);
    assert.deepEqual(registry.counts().references, 0);
  });
});
