/**
 * Owns the port and the servers behind it, over the life of one revision of this bundle and across its replacement.
 * A successor announces itself with a `Listener` service; at the switch the predecessor hands it the open port and the open connections
 * in one synchronous step, so that there is no moment at which nobody accepts. A predecessor that comes back is a successor again.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { localContract, type Clock, type ListenSocketsService, type Logger } from '@sluice/sdk';
import type { Settings } from '../domain/settings.js';
import { openPort, portOf } from './port.js';
import type { RequestHandler } from './request-handler.js';
import { readTls } from './tls-files.js';
import { WebServer, type ServerRemains } from './web-server.js';

/** What one revision hands to the next. */
export interface ListenerOffer {
  readonly port: Server;
  readonly host: string;
  /** The configured number, which may be 0 for "any". */
  readonly configuredPort: number;
  readonly outlivesProcess?: boolean;
  readonly remains: readonly ServerRemains[];
  /** Requests that nobody began to serve yet. */
  readonly waiting: readonly { readonly request: IncomingMessage; readonly response: ServerResponse }[];
}

/** How revisions of this bundle meet. */
export interface ListenerService {
  /** Takes over port and connections. Synchronous; does not throw. */
  adopt(offer: ListenerOffer): void;
}

/** Contract between revisions of this bundle; nobody else uses it. */
export const Listener = localContract<ListenerService>('sluice.http.Listener', '1.0.0', ['adopt']);

type TlsOptions = Awaited<ReturnType<typeof readTls>>;

/**
 * How long idle connections stay open when the socket outlives this process: a client that sends just now is still answered, with
 * `Connection: close`, and connects anew to whoever comes next.
 */
const SUCCESSION_GRACE_MS = 1_200;

interface OpenPort {
  readonly server: Server;
  readonly host: string;
  readonly configuredPort: number;
  /** True when a supervisor keeps the socket: clients wait there for the next process. */
  readonly outlivesProcess: boolean;
}

/** What the listener uses of its bundle's surroundings. */
export interface Surroundings {
  readonly log: Logger;
  readonly clock: Clock;
  /** Sockets that outlive this process, where somebody keeps them. */
  readonly sockets?: ListenSocketsService | undefined;
}

/** Port and servers of one revision. */
export class HttpListener implements ListenerService {
  readonly #handler: RequestHandler;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #sockets: ListenSocketsService | undefined;
  #settings: Settings;
  #tls: TlsOptions;
  #web: WebServer;
  #older: WebServer[] = [];
  #port: OpenPort | null = null;

  private constructor(handler: RequestHandler, tls: TlsOptions, settings: Settings, surroundings: Surroundings) {
    this.#handler = handler;
    this.#tls = tls;
    this.#web = WebServer.create(settings.limits, tls, handler.handle);
    this.#settings = settings;
    this.#log = surroundings.log;
    this.#clock = surroundings.clock;
    this.#sockets = surroundings.sockets;
  }

  /** Prepares everything but the port. */
  static async create(handler: RequestHandler, settings: Settings, surroundings: Surroundings): Promise<HttpListener> {
    return new HttpListener(handler, await readTls(settings.tls), settings, surroundings);
  }

  get isOpen(): boolean {
    return this.#port !== null;
  }

  /** Base addresses, empty while the port is not ours. */
  addresses(): readonly string[] {
    if (this.#port === null) return [];
    const { host, server } = this.#port;
    return [`${this.#web.isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${portOf(server)}`];
  }

  /** Opens the configured port. */
  async open(): Promise<void> {
    const { host, port } = this.#settings;
    this.#take(await this.#openPort(host, port));
    this.#log.info('Listening', { addresses: this.addresses() });
  }

  adopt(offer: ListenerOffer): void {
    this.#older.push(...offer.remains.map((remains) => WebServer.takeOver(remains, this.#handler.handle)));
    this.#take({
      server: offer.port,
      host: offer.host,
      configuredPort: offer.configuredPort,
      outlivesProcess: offer.outlivesProcess === true,
    });
    for (const { request, response } of offer.waiting) this.#handler.handle(request, response);
    const { host, port } = this.#settings;
    if (offer.host !== host || offer.configuredPort !== port)
      this.#move().catch((error: unknown) => this.#log.error('Could not move to the configured port', { error }));
  }

  /** Hands port and connections to a successor. Requests under way stay with this revision's code until they end. */
  handOver(successor: ListenerService): void {
    const port = this.#port;
    if (port === null) return;
    this.#port = null;
    this.#handler.closeRunning();
    const remains = [this.#web, ...this.#older].filter((web) => web.connections > 0).map((web) => web.remains);
    if (this.#web.connections === 0) this.#web.retire();
    this.#older = [];
    // In case this revision comes back: its server went with the connections.
    this.#web = WebServer.create(this.#settings.limits, this.#tls, this.#handler.handle);
    successor.adopt({
      port: port.server,
      host: port.host,
      configuredPort: port.configuredPort,
      outlivesProcess: port.outlivesProcess,
      remains,
      waiting: this.#handler.takeWaiting(),
    });
  }

  async #openPort(host: string, port: number): Promise<OpenPort> {
    const kept = (await this.#sockets?.take(host, port)) ?? null;
    return { server: await openPort(host, port, kept), host, configuredPort: port, outlivesProcess: kept !== null };
  }

  #take(port: OpenPort): void {
    const { server } = port;
    this.#port = port;
    server.maxConnections = this.#settings.limits.connectionsMax;
    server.removeAllListeners('connection').on('connection', (socket: Socket) => this.#web.accept(socket));
    server.removeAllListeners('error').on('error', (error) => this.#log.error('The port reported an error', { error }));
    server
      .removeAllListeners('drop')
      .on('drop', () => this.#log.warn('Connection refused: too many are open', { connectionsMax: server.maxConnections }));
  }

  /** Takes over changed settings. Throwing leaves everything as it was. */
  async reconfigure(settings: Settings): Promise<void> {
    const before = this.#settings;
    const tls = await readTls(settings.tls);
    const moves = this.#port !== null && (settings.port !== before.port || settings.host !== before.host);
    const opened = moves ? await this.#openPort(settings.host, settings.port) : null;
    this.#settings = settings;
    this.#renewServer(before, tls);
    if (opened !== null) {
      this.#port?.server.close();
      this.#take(opened);
      this.#log.info('Listening', { addresses: this.addresses() });
    } else if (this.#port !== null) this.#port.server.maxConnections = settings.limits.connectionsMax;
  }

  // Certificates can be changed in a running server; what is fixed when a server is made needs a new one.
  #renewServer(before: Settings, tls: TlsOptions): void {
    const { limits } = this.#settings;
    const sameServer =
      (tls === undefined) === !this.#web.isTls &&
      this.#settings.tls?.clientCaFile === before.tls?.clientCaFile &&
      JSON.stringify(limits) === JSON.stringify(before.limits);
    this.#tls = tls;
    if (sameServer) {
      if (tls !== undefined) this.#web.renewCertificates(tls);
      return;
    }
    this.#older = [...this.#older, this.#web].filter((web) => web.connections > 0);
    this.#web.retire();
    this.#web = WebServer.create(limits, tls, this.#handler.handle);
  }

  async #move(): Promise<void> {
    const { host, port } = this.#settings;
    const opened = await this.#openPort(host, port);
    this.#port?.server.close();
    this.#take(opened);
    this.#log.info('Listening', { addresses: this.addresses() });
  }

  /**
   * Lets clients go while everything still runs: for a while answers all with `Connection: close`, then accepts nothing new, and resolves
   * when what was begun has ended. Without a port (another revision has it) there is nothing to do.
   */
  async quiesce(lameDuckMs: number): Promise<void> {
    if (this.#port === null) return;
    const { drainMs, closeGraceMs } = this.#settings.limits;
    const graceMs = Math.max(closeGraceMs, this.#port.outlivesProcess ? SUCCESSION_GRACE_MS : 0);
    const webs = [this.#web, ...this.#older];
    for (const web of webs) web.leave();
    if (lameDuckMs > 0) await this.#clock.sleep(lameDuckMs);
    this.#closePort();
    for (const web of webs) web.retire();
    this.#handler.closeRunning();
    const grace = new AbortController();
    const empty = Promise.all(webs.map((web) => web.whenEmpty())).then(() => grace.abort());
    if (graceMs > 0) await Promise.race([empty, this.#clock.sleep(graceMs, grace.signal).catch(() => undefined)]);
    await this.#handler.traffic.whenIdle(drainMs);
    grace.abort();
  }

  /**
   * Stops: accepts nothing new, lets running requests end, then closes.
   * After a hand-over there is nothing to close; only the requests still under way are waited for.
   */
  async stop(): Promise<void> {
    const { drainMs, closeGraceMs } = this.#settings.limits;
    this.#closePort();
    const webs = [this.#web, ...this.#older];
    for (const web of webs) web.retire();
    this.#handler.closeRunning();
    if (closeGraceMs > 0 && webs.some((web) => web.connections > 0)) await this.#clock.sleep(closeGraceMs);
    const cut = await this.#handler.traffic.whenIdle(drainMs);
    if (cut > 0) this.#log.warn('Requests were cut because they did not end in time', { requests: cut, drainMs });
    this.close();
  }

  /** Closes at once whatever is still open. */
  close(): void {
    this.#closePort();
    for (const web of [this.#web, ...this.#older]) web.destroy();
    this.#older = [];
  }

  #closePort(): void {
    this.#port?.server.close();
    this.#port = null;
  }
}
