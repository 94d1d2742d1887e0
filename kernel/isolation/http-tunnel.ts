/** A request to an @koa/router in another tier, and its answer. Types only. */
import type { Readable } from 'node:stream';

/** All of a request but its body. */
export interface TunnelHead {
  readonly method: string;
  readonly url: string;
  /** Path below the mount, which the router's own paths are compared with. */
  readonly routerPath: string;
  /** As the client asked for it. */
  readonly originalUrl: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly requestId: string;
  readonly remoteAddress: string;
  readonly isSecure: boolean;
}

/** An answer. It is told as soon as its head is known; a body that is not complete by then follows as a stream. */
export interface TunnelReply {
  readonly status: number;
  readonly statusMessage: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Uint8Array | Readable | null;
}
