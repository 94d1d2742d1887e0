/**
 * The parts of the http bundle as its activator connects them, on a free port, with the kernel's own entries and the real clock.
 * Owned here: publishing route sets as the registry would, and looking at what ended.
 */
import { connect, type Socket } from 'node:net';
import type { Logger, RouteSet, ServiceView } from '@sluice/sdk';
import { SystemClock } from '@sluice/kernel/host/clock';
import { EntryCounter, type EntryOutcome } from '@sluice/kernel/lifecycle/entries';
import { HttpListener } from '../../../plugins/system/http/adapters/listener.js';
import { RequestHandler } from '../../../plugins/system/http/adapters/request-handler.js';
import { RoutePublisher } from '../../../plugins/system/http/adapters/route-publisher.js';
import { SchemaCache } from '../../../plugins/system/http/domain/schema-cache.js';
import { readSettings, type HttpConfig } from '../../../plugins/system/http/domain/settings.js';

/** One log line of the bundle. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A running server without a kernel around it. */
export class HttpBench {
  readonly clock = new SystemClock();
  readonly outcomes: EntryOutcome[] = [];
  readonly lines: LogLine[] = [];
  readonly cache = new SchemaCache();
  readonly entries: EntryCounter;
  readonly handler: RequestHandler;
  readonly publisher: RoutePublisher;
  generation = 1;
  #listener: HttpListener | null = null;
  #nextId = 1;
  readonly #ends: { readonly count: number; readonly resolve: () => void }[] = [];

  private constructor(config: HttpConfig) {
    this.entries = new EntryCounter(
      this.clock,
      () => this.generation,
      (outcome) => this.#ended(outcome),
    );
    const settings = readSettings({ port: 0, ...config });
    this.handler = new RequestHandler({ entries: this.entries, clock: this.clock, log: this.log }, settings);
    this.publisher = new RoutePublisher(this.handler, this.cache);
  }

  /** Starts a server. */
  static async open(config: HttpConfig = {}): Promise<HttpBench> {
    const bench = new HttpBench(config);
    bench.#listener = await HttpListener.create(bench.handler, bench.handler.settings, bench);
    await bench.listener.open();
    return bench;
  }

  /** A second revision of the bundle, without a port. */
  async successor(config: HttpConfig = {}): Promise<HttpBench> {
    const bench = new HttpBench({ port: this.handler.settings.port, ...config });
    bench.#listener = await HttpListener.create(bench.handler, bench.handler.settings, bench);
    return bench;
  }

  get listener(): HttpListener {
    if (this.#listener === null) throw new Error('the bench is not open');
    return this.#listener;
  }

  get log(): Logger {
    const write =
      (level: string) =>
      (message: string, fields: Record<string, unknown> = {}): void =>
        void this.lines.push({ level, message, fields });
    const log: Logger = {
      trace: write('trace'),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: () => log,
    };
    return log;
  }

  /** Log lines of a level, by message. */
  messages(level: string): readonly string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }

  get url(): string {
    return this.listener.addresses()[0] ?? '';
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Registers and publishes a route set, replacing another service when asked. Answers its view. */
  async publish(
    service: RouteSet,
    options: { bundle?: string; version?: string; mount?: string; replaces?: ServiceView } = {},
  ): Promise<ServiceView> {
    const view = this.view(options);
    const replaced = options.replaces === undefined ? [] : [options.replaces];
    const prepared = await this.publisher.prepare([{ service, view }], replaced);
    await this.publisher.probe(prepared, new AbortController().signal);
    this.generation += 1;
    this.publisher.publish(prepared, replaced);
    return view;
  }

  /** The view of a `Routes` service that is not published yet. */
  view(options: { bundle?: string; version?: string; mount?: string } = {}): ServiceView {
    const { bundle = 'test.bundle', version = '1.0.0', mount = '/test' } = options;
    return {
      id: this.#nextId++,
      contractId: 'sluice.http.Routes',
      contractVersion: '1.0.0',
      bundle,
      bundleVersion: version,
      ranking: 0,
      properties: { 'http.mount': mount },
    };
  }

  /** Asks over HTTP; the connection is not kept, so that a stop has nothing to wait for. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { connection: 'close', ...(init.headers as Record<string, string>) } });
  }

  /** Resolves when so many entries have ended. */
  async ended(count: number): Promise<readonly EntryOutcome[]> {
    if (this.outcomes.length < count) await new Promise<void>((resolve) => this.#ends.push({ count, resolve }));
    return this.outcomes;
  }

  #ended(outcome: EntryOutcome): void {
    this.outcomes.push(outcome);
    for (const waiting of this.#ends) if (this.outcomes.length >= waiting.count) waiting.resolve();
  }

  /** Opens a connection for bytes that no HTTP client would send. */
  async connect(): Promise<RawConnection> {
    return RawConnection.open(this.port);
  }

  async close(): Promise<void> {
    await this.listener.stop();
  }
}

/** A TCP connection whose bytes the test writes and reads. */
export class RawConnection {
  received = '';
  closed = false;
  readonly socket: Socket;
  #changed: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#changed();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawConnection(socket);
  }

  write(text: string): void {
    this.socket.write(text);
  }

  /** Resolves when the condition holds for what arrived; fails when the connection closes before. */
  async until(condition: (received: string) => boolean): Promise<string> {
    while (!condition(this.received)) {
      if (this.closed) throw new Error(`the connection closed after: ${this.received}`);
      await this.#change();
    }
    return this.received;
  }

  /** Everything that arrived until the server closed. */
  async untilClosed(): Promise<string> {
    while (!this.closed) await this.#change();
    return this.received;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}
