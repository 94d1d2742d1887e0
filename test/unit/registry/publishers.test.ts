/** Publishers take part in a swap: prepare and test while invisible, publish inside the switch, and always end up with what is there. */
import assert from 'node:assert/strict';
import type { ServicePublisher, ServiceView } from '@sluice/sdk';
import { SluiceError } from '@sluice/sdk';
import type { RevisionOwner, ServiceRegistry, Stage } from '@sluice/kernel/registry/index';
import { Leaflets, NEVER_ABORTED, RegistryFixture, ids, owner, refusal, type Leaflet } from './fixture.js';

interface Prepared {
  readonly added: readonly number[];
}

/** A publisher like a route table: `published` is what the world sees. */
class Board implements ServicePublisher<Leaflet, Prepared> {
  readonly log: string[] = [];
  readonly published = new Map<number, string>();
  /** Text that may not be published. */
  refused = '';
  /** When set, prepare waits for it. */
  gate: Promise<void> | null = null;

  prepare(
    services: readonly { readonly service: Leaflet; readonly view: ServiceView }[],
    replaces: readonly ServiceView[],
  ): Prepared | Promise<Prepared> {
    const added = services.map(({ view }) => view.id);
    this.log.push(`prepare ${added.join('+')} for ${ids(replaces).join('+') || 'nothing'}`);
    const bad = services.find(({ service }) => service.text === this.refused);
    if (bad !== undefined) throw new SluiceError('ROUTE_CONFLICT', `'${bad.service.text}' is taken`);
    for (const { service, view } of services) this.#texts.set(view.id, service.text);
    return this.gate === null ? { added } : this.gate.then(() => ({ added }));
  }

  async probe({ added }: Prepared): Promise<void> {
    this.log.push(`probe ${added.join('+')}`);
  }

  publish(prepared: Prepared | undefined, removed: readonly ServiceView[]): void {
    this.log.push(`publish ${prepared?.added.join('+') ?? 'nothing'} less ${ids(removed).join('+') || 'nothing'}`);
    for (const id of prepared?.added ?? []) this.published.set(id, this.#texts.get(id) as string);
    for (const { id } of removed) this.published.delete(id);
  }

  discard({ added }: Prepared): void {
    this.log.push(`discard ${added.join('+')}`);
  }

  readonly #texts = new Map<number, string>();
}

function put(registry: ServiceRegistry, provider: RevisionOwner, text: string, stage: Stage | null = null) {
  return registry.register(provider, Leaflets, { text }, {}, stage);
}

async function prepareAndProbe(registry: ServiceRegistry, stage: Stage): Promise<void> {
  await registry.prepare(stage, NEVER_ABORTED);
  await registry.probe(stage, NEVER_ABORTED);
}

describe('registry: publishers', () => {
  it('prepares and tests staged services beside those they replace, and publishes them in the switch', async () => {
    const { registry } = new RegistryFixture();
    const [old, next, other] = [owner('a', '1.0.0'), owner('a', '2.0.0'), owner('b')];
    const board = new Board();
    registry.publisher(owner('http'), Leaflets, board, null);
    put(registry, old, 'old');
    put(registry, other, 'other');
    board.log.length = 0;
    const stage = registry.openStage([next], [old]);
    put(registry, next, 'next', stage);
    await prepareAndProbe(registry, stage);
    const before = [...board.published.values()];
    registry.commit(stage, 1);
    assert.deepEqual(
      { log: board.log, before, after: [...board.published.values()] },
      {
        log: ['prepare 3 for 1', 'probe 3', 'publish 3 less 1'],
        before: ['old', 'other'],
        after: ['other', 'next'],
      },
    );
  });

  it('takes services out at a stop, and asks nobody to prepare then', async () => {
    const { registry } = new RegistryFixture();
    const provider = owner('a');
    const board = new Board();
    registry.publisher(owner('http'), Leaflets, board, null);
    put(registry, provider, 'a');
    put(registry, provider, 'b');
    board.log.length = 0;
    registry.withdraw([provider], 1);
    assert.deepEqual([board.log, board.published.size], [['publish nothing less 1+2'], 0]);
  });

  it("refuses the deploy with the publisher's own error, and frees what others prepared when the stage is discarded", async () => {
    const { registry } = new RegistryFixture();
    const provider = owner('a');
    const board = new Board();
    board.refused = 'bad';
    registry.publisher(owner('http'), Leaflets, board, null);
    const good = registry.openStage([provider], []);
    put(registry, provider, 'good', good);
    await registry.prepare(good, NEVER_ABORTED);
    put(registry, provider, 'bad', good);
    await assert.rejects(registry.prepare(good, NEVER_ABORTED), { code: 'ROUTE_CONFLICT' });
    registry.discard(good);
    assert.deepEqual([board.log, board.published.size], [['prepare 1 for nothing', 'discard 1', 'prepare 1+2 for nothing'], 0]);
  });

  it('wraps what is no error of ours, naming the publisher', async () => {
    const { registry } = new RegistryFixture();
    const provider = owner('a');
    const broken = { prepare: () => Promise.reject(new Error('out of paper')), publish: () => undefined };
    registry.publisher(owner('http'), Leaflets, broken, null);
    const stage = registry.openStage([provider], []);
    put(registry, provider, 'a', stage);
    await assert.rejects(registry.prepare(stage, NEVER_ABORTED), {
      code: 'PUBLISHER_REFUSED',
      message: "'http' refuses services of 'test.Leaflet': out of paper",
    });
  });

  it('stops between two publishers when the deploy is aborted', async () => {
    const { registry } = new RegistryFixture();
    const provider = owner('a');
    const board = new Board();
    const abort = new AbortController();
    registry.publisher(owner('http'), Leaflets, board, null);
    const stage = registry.openStage([provider], []);
    put(registry, provider, 'a', stage);
    abort.abort(new Error('deadline'));
    await assert.rejects(registry.prepare(stage, abort.signal), { message: 'deadline' });
    assert.deepEqual(board.log, []);
  });

  describe('that is swapped itself', () => {
    it('prepares everything that will be there: what remains and what is staged', async () => {
      const { registry } = new RegistryFixture();
      const [http1, http2, a1, a2, b] = [
        owner('http', '1.0.0'),
        owner('http', '2.0.0'),
        owner('a', '1.0.0'),
        owner('a', '2.0.0'),
        owner('b'),
      ];
      const [board1, board2] = [new Board(), new Board()];
      registry.publisher(http1, Leaflets, board1, null);
      put(registry, a1, 'a1');
      put(registry, b, 'b');
      board1.log.length = 0;
      const stage = registry.openStage([http2, a2], [http1, a1]);
      registry.publisher(http2, Leaflets, board2, stage);
      put(registry, a2, 'a2', stage);
      await prepareAndProbe(registry, stage);
      registry.commit(stage, 1);
      put(registry, b, 'b2');
      assert.deepEqual(
        { old: board1.log, next: board2.log, published: [...board2.published.values()] },
        {
          old: [],
          next: ['prepare 2+3 for nothing', 'probe 2+3', 'publish 2+3 less nothing', 'prepare 4 for nothing', 'publish 4 less nothing'],
          published: ['b', 'a2', 'b2'],
        },
      );
    });

    it('catches up with what came and went between its preparation and the switch', async () => {
      const { registry } = new RegistryFixture();
      const [http1, http2, b] = [owner('http', '1.0.0'), owner('http', '2.0.0'), owner('b')];
      const [board1, board2] = [new Board(), new Board()];
      registry.publisher(http1, Leaflets, board1, null);
      const going = put(registry, b, 'going');
      put(registry, b, 'staying');
      const stage = registry.openStage([http2], [http1]);
      registry.publisher(http2, Leaflets, board2, stage);
      await prepareAndProbe(registry, stage);
      going.unregister();
      put(registry, b, 'coming');
      registry.commit(stage, 1);
      await new Promise(setImmediate);
      assert.deepEqual(
        { first: [...board1.published.values()], second: [...board2.published.values()] },
        { first: ['staying', 'coming'], second: ['staying', 'coming'] },
      );
    });

    it('comes back with a rollback and learns only the difference', async () => {
      const { registry } = new RegistryFixture();
      const [http1, http2, b] = [owner('http', '1.0.0'), owner('http', '2.0.0'), owner('b')];
      const [board1, board2] = [new Board(), new Board()];
      registry.publisher(http1, Leaflets, board1, null);
      const gone = put(registry, b, 'gone');
      put(registry, b, 'staying');
      const forward = registry.openStage([http2], [http1]);
      registry.publisher(http2, Leaflets, board2, forward);
      await prepareAndProbe(registry, forward);
      registry.commit(forward, 1);
      gone.unregister();
      put(registry, b, 'new');
      board1.log.length = 0;
      const back = registry.openStage([http1], [http2]);
      await prepareAndProbe(registry, back);
      registry.commit(back, 2);
      assert.deepEqual(
        [board1.log, [...board1.published.values()]],
        [
          ['prepare 3 for 1', 'probe 3', 'publish 3 less 1'],
          ['staying', 'new'],
        ],
      );
    });
  });

  describe('outside of a stage', () => {
    it('publishes what is already there when it comes', () => {
      const { registry } = new RegistryFixture();
      put(registry, owner('a'), 'a');
      const board = new Board();
      registry.publisher(owner('http'), Leaflets, board, null);
      assert.deepEqual([...board.published.values()], ['a']);
    });

    it('refuses a service that a synchronous preparation refuses, before anybody sees it', () => {
      const { registry } = new RegistryFixture();
      const board = new Board();
      board.refused = 'bad';
      registry.publisher(owner('http'), Leaflets, board, null);
      const events: string[] = [];
      registry.addListener(({ type }) => events.push(type));
      const before = registry.counts();
      assert.deepEqual(
        refusal(() => put(registry, owner('a'), 'bad')),
        { code: 'ROUTE_CONFLICT', retryable: false },
      );
      assert.deepEqual([events, registry.counts(), registry.find(Leaflets)], [[], before, []]);
    });

    it('refuses to begin when it refuses what is there', () => {
      const { registry } = new RegistryFixture();
      put(registry, owner('a'), 'bad');
      const board = new Board();
      board.refused = 'bad';
      const before = registry.counts();
      assert.equal((refusal(() => registry.publisher(owner('http'), Leaflets, board, null)) as { code: string }).code, 'ROUTE_CONFLICT');
      assert.deepEqual(registry.counts(), before);
    });

    it('publishes in the order of registering when it prepares asynchronously, and skips what went meanwhile', async () => {
      const { registry } = new RegistryFixture();
      const board = new Board();
      registry.publisher(owner('http'), Leaflets, board, null);
      let open!: () => void;
      board.gate = new Promise((resolve) => (open = resolve));
      put(registry, owner('a'), 'slow');
      board.gate = null;
      put(registry, owner('b'), 'fast').unregister();
      const registration = put(registry, owner('c'), 'later');
      const before = [...board.published.values()];
      open();
      await registry.prepare(registry.openStage([], []), NEVER_ABORTED);
      await new Promise(setImmediate);
      registration.unregister();
      assert.deepEqual(
        { before, after: [...board.published.values()], log: board.log },
        {
          before: [],
          after: ['slow'],
          log: [
            'prepare 1 for nothing',
            'publish 1 less nothing',
            'prepare 3 for nothing',
            'publish 3 less nothing',
            'publish nothing less 3',
          ],
        },
      );
    });

    it('reports an asynchronous refusal and goes on', async () => {
      const fixture = new RegistryFixture();
      const { registry } = fixture;
      const published: number[] = [];
      registry.publisher(
        owner('http'),
        Leaflets,
        {
          prepare: async (services) => {
            if (services[0]?.service.text === 'bad') throw new Error('no');
            return services.map(({ view }) => view.id);
          },
          publish: (prepared: number[] | undefined) => void published.push(...(prepared ?? [])),
        },
        null,
      );
      put(registry, owner('a'), 'bad');
      put(registry, owner('b'), 'good');
      await new Promise(setImmediate);
      assert.deepEqual([published, fixture.warningCodes], [[2], ['PUBLISHER_REFUSED']]);
    });
  });

  it('allows one publisher for a contract, and another one after the first has gone', () => {
    const { registry } = new RegistryFixture();
    const first = registry.publisher(owner('http'), Leaflets, new Board(), null);
    assert.deepEqual(
      refusal(() => registry.publisher(owner('other'), Leaflets, new Board(), null)),
      { code: 'PUBLISHER_TAKEN', retryable: false },
    );
    const stage = registry.openStage([], []);
    assert.equal(
      (refusal(() => registry.publisher(owner('other'), Leaflets, new Board(), stage)) as { code: string }).code,
      'PUBLISHER_TAKEN',
    );
    first.close();
    first.close();
    registry.publisher(owner('other'), Leaflets, new Board(), null);
    assert.equal(registry.counts().publishers, 1);
  });

  it('does not stop the commit when its publish throws', async () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const provider = owner('a');
    registry.publisher(
      owner('http'),
      Leaflets,
      {
        prepare: () => undefined,
        publish: () => {
          throw new Error('broken table');
        },
      },
      null,
    );
    const stage = registry.openStage([provider], []);
    put(registry, provider, 'a', stage);
    await prepareAndProbe(registry, stage);
    registry.commit(stage, 1);
    assert.deepEqual([ids(registry.find(Leaflets)), registry.generation, fixture.warningCodes], [[1], 1, ['SERVICE_CALLBACK_FAILED']]);
  });
});
