/** Two ends of a link in one process, over clones of their packets. */
import { strict as assert } from 'node:assert';
import { AsyncLocalStorage } from 'node:async_hooks';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { codeOf, SluiceError } from '@sluice/sdk';
import { STREAM_WINDOW_BYTES } from '@sluice/kernel/isolation/byte-streams';
import { Peer, type CallOptions, type IncomingCall } from '@sluice/kernel/isolation/peer';
import type { Packet } from '@sluice/kernel/isolation/protocol';
import { VirtualClock } from '@sluice/kernel/testing';

const SIDE = { kind: 'side' } as const;
const options: CallOptions = { what: "'x.Y.z'", timeoutMs: 1_000 };

type Serve = (call: IncomingCall) => unknown;

/** Two connected ends. Packets arrive in order, each in a turn of its own. */
class Pair {
  readonly clock = new VirtualClock();
  readonly left: Peer;
  readonly right: Peer;
  readonly packets: Packet[] = [];
  #cut = false;

  constructor(serveLeft: Serve, serveRight: Serve) {
    this.left = this.#end(serveLeft, () => this.right);
    this.right = this.#end(serveRight, () => this.left);
  }

  #end(serve: Serve, other: () => Peer): Peer {
    return new Peer({
      send: (packet) => {
        const copy = structuredClone(packet);
        this.packets.push(copy);
        setImmediate(() => this.#cut || other().receive(copy));
      },
      serve,
      limit: (callback, delayMs) => {
        const timer = this.clock.setTimeout(callback, delayMs);
        return () => timer.cancel();
      },
    });
  }

  cut(error: Error): void {
    this.#cut = true;
    this.left.close(error);
    this.right.close(error);
  }

  get open(): unknown {
    return [this.left.open, this.right.open];
  }
}

const NOTHING_OPEN = { calls: 0, functions: 0, signals: 0, streams: 0 };

describe('calls between tiers', () => {
  it('bring results and errors, and leave nothing behind', async () => {
    const pair = new Pair(
      () => null,
      ({ method, args }) => {
        if (method === 'fail') throw new SluiceError('NO', 'not today');
        return { method, args };
      },
    );
    assert.deepEqual(await pair.left.call(SIDE, 'do', [1n, { a: 2 }], options), { method: 'do', args: [1n, { a: 2 }] });
    await assert.rejects(pair.left.call(SIDE, 'fail', [], options), (error) => codeOf(error) === 'NO');
    assert.deepEqual([pair.open, pair.clock.pending], [[NOTHING_OPEN, NOTHING_OPEN], 0]);
  });

  it('end at their time limit; a late result is nobody’s', async () => {
    let answer: (value: unknown) => void = () => {};
    const pair = new Pair(
      () => null,
      () => new Promise((resolve) => (answer = resolve)),
    );
    const call = pair.left.call(SIDE, 'wait', [], options);
    const refused = assert.rejects(
      call,
      (error: SluiceError) => codeOf(error) === 'ISOLATION_CALL_TIMEOUT' && /'x\.Y\.z'.*1000 ms/.test(error.message),
    );
    await pair.clock.advance(1_001);
    await refused;
    answer('late');
    await new Promise(setImmediate);
    assert.deepEqual(pair.open, [NOTHING_OPEN, NOTHING_OPEN]);
  });

  it('end with the link', async () => {
    const pair = new Pair(
      () => null,
      () => new Promise(() => undefined),
    );
    const call = pair.left.call(SIDE, 'wait', [], options);
    const refused = assert.rejects(call, /the end/);
    pair.cut(new Error('the end'));
    await refused;
    await assert.rejects(pair.left.call(SIDE, 'again', [], options), /the end/);
  });

  it('lend functions until they return, and not longer', async () => {
    let kept: ((...args: unknown[]) => Promise<unknown>) | undefined;
    const pair = new Pair(
      () => null,
      async ({ args }) => {
        kept = args[0] as typeof kept;
        return kept?.(20);
      },
    );
    const withFunctions = { ...options, functions: true };
    assert.equal(await pair.left.call(SIDE, 'use', [(n: number) => n + 1], withFunctions), 21);
    await assert.rejects(
      async () => kept?.(1),
      (error) => codeOf(error) === 'ISOLATION_FUNCTION_GONE',
    );
    await assert.rejects(pair.left.call(SIDE, 'use', [() => 1], options), (error) => codeOf(error) === 'ISOLATION_VALUE_REFUSED');
    assert.deepEqual(pair.open, [NOTHING_OPEN, NOTHING_OPEN]);
  });

  it('carry abort signals', async () => {
    const pair = new Pair(
      () => null,
      ({ args: [signal] }) => new Promise((resolve) => (signal as AbortSignal).addEventListener('abort', () => resolve('aborted'))),
    );
    const abort = new AbortController();
    const call = pair.left.call(SIDE, 'wait', [abort.signal], options);
    setImmediate(() => abort.abort());
    assert.equal(await call, 'aborted');
    assert.equal(await pair.left.call(SIDE, 'wait', [AbortSignal.abort()], options), 'aborted');
  });

  it('run what is called back in the context of the call it belongs to', async () => {
    const context = new AsyncLocalStorage<string>();
    const pair: Pair = new Pair(
      () => context.getStore() ?? 'none',
      () => pair.right.call(SIDE, 'where', [], options),
    );
    const seen = await Promise.all(['a', 'b'].map((name) => context.run(name, () => pair.left.call(SIDE, 'x', [], options))));
    assert.deepEqual(seen, ['a', 'b']);
    // Not in the course of any call: in no context, even though a context is active where the packet happens to arrive.
    assert.equal(await context.run('c', () => pair.right.call(SIDE, 'where', [], options)), 'none');
  });
});

describe('streams between tiers', () => {
  const serving = (source: () => Readable): Pair =>
    new Pair(
      () => null,
      () => ({ body: source() }),
    );
  const open = async (pair: Pair): Promise<Readable> => ((await pair.left.call(SIDE, 'get', [], options)) as { body: Readable }).body;

  it('come whole', async () => {
    const bytes = Buffer.alloc(3 * STREAM_WINDOW_BYTES + 5, 'sluice');
    const pair = serving(() => Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]));
    assert.ok((await buffer(await open(pair))).equals(bytes));
    assert.deepEqual(pair.open, [NOTHING_OPEN, NOTHING_OPEN]);
  });

  it('stand still while nobody reads', async () => {
    let produced = 0;
    const pair = serving(
      () =>
        new Readable({
          read(size) {
            produced += size;
            this.push(Buffer.alloc(size));
          },
        }),
    );
    const stream = await open(pair);
    stream.read(0);
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    const stood = produced;
    assert.ok(stood <= 3 * STREAM_WINDOW_BYTES, `${stood} bytes were produced`);
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    assert.equal(produced, stood);
    stream.destroy();
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    assert.deepEqual(pair.open, [NOTHING_OPEN, NOTHING_OPEN]);
  });

  it('fail for the reader when the source fails, is cut, or the link ends', async () => {
    const failing = serving(() =>
      Readable.from(
        (function* () {
          yield Buffer.from('some');
          throw new SluiceError('SOURCE', 'broken');
        })(),
      ),
    );
    await assert.rejects(open(failing).then(buffer), (error) => codeOf(error) === 'SOURCE');
    const cut = new PassThrough();
    const cutting = serving(() => cut);
    const reading = assert.rejects(open(cutting).then(buffer), (error) => codeOf(error) === 'ISOLATION_STREAM_CUT');
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    cut.destroy();
    await reading;
    const ending = serving(() => new PassThrough());
    const waiting = assert.rejects(open(ending).then(buffer), /the end/);
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    ending.cut(new Error('the end'));
    await waiting;
  });
});
