/**
 * Byte streams over a link that has no back-pressure of its own: the reading side grants credit, the sending side stays within it, so
 * that at most two windows of a stream are waiting or on their way, however slow the reader is.
 * Owns both ends of each stream; a stream ends for both sides when either gives it up.
 */
import { Readable } from 'node:stream';
import { SluiceError } from '@sluice/sdk';
import { packError, unpackError } from './marshal.js';
import type { Packet } from './protocol.js';

/** Bytes of one stream that may be on their way, and as many may wait to be read. */
export const STREAM_WINDOW_BYTES = 256 * 1024;

type StreamPacket = Extract<Packet, { stream: number }>;
type Send = (packet: StreamPacket) => void;

/** The streams of one side. */
export class ByteStreams {
  private readonly outgoing = new Map<number, Outgoing>();
  private readonly incoming = new Map<number, Incoming>();
  private lastId = 0;

  constructor(private readonly send: Send) {}

  /** Streams under way in either direction. */
  get open(): number {
    return this.outgoing.size + this.incoming.size;
  }

  /** Begins to send a stream; returns its number. */
  depart(source: Readable): number {
    const id = (this.lastId += 1);
    this.outgoing.set(id, new Outgoing(id, source, this.send, () => this.outgoing.delete(id)));
    return id;
  }

  /** The stream the other side sends under a number. */
  arrive(id: number): Readable {
    const stream = new Incoming(id, this.send, () => this.incoming.delete(id));
    this.incoming.set(id, stream);
    return stream;
  }

  receive(packet: StreamPacket): void {
    if (packet.type === 'credit') this.outgoing.get(packet.stream)?.grant(packet.bytes);
    else if (packet.type === 'cut') this.outgoing.get(packet.stream)?.cut();
    else this.incoming.get(packet.stream)?.receive(packet);
  }

  /** The other side is gone: readers get the error, sources are given up. */
  close(error: Error): void {
    for (const stream of this.outgoing.values()) stream.cut();
    for (const stream of this.incoming.values()) stream.lose(error);
  }
}

class Outgoing {
  private credit = 0;
  private over = false;

  constructor(
    private readonly id: number,
    private readonly source: Readable,
    private readonly send: Send,
    private readonly forget: () => void,
  ) {
    source.on('readable', this.pump);
    source.once('end', () => this.finish({ type: 'end', stream: id }));
    source.once('error', (error) => this.finish({ type: 'fail', stream: id, error: packError(error) }));
    source.once('close', () => this.finish({ type: 'fail', stream: id, error: packError(cutShort()) }));
  }

  grant(bytes: number): void {
    this.credit += bytes;
    this.pump();
  }

  private readonly pump = (): void => {
    while (!this.over && this.credit > 0) {
      const chunk = this.source.read() as string | Uint8Array | null;
      if (chunk === null) return;
      this.credit -= chunk.length;
      this.send({ type: 'chunk', stream: this.id, data: chunk });
    }
  };

  private finish(packet: StreamPacket): void {
    if (this.over) return;
    this.over = true;
    this.forget();
    this.send(packet);
  }

  /** The reader gave up. */
  cut(): void {
    if (this.over) return;
    this.over = true;
    this.forget();
    this.source.destroy();
  }
}

class Incoming extends Readable {
  /** Consumed and not yet granted again; the first grant is the whole window. */
  private consumed = STREAM_WINDOW_BYTES;
  private complete = false;

  constructor(
    private readonly id: number,
    private readonly tell: Send,
    private readonly forget: () => void,
  ) {
    super({ highWaterMark: STREAM_WINDOW_BYTES });
  }

  override _read(): void {
    if (this.complete || this.consumed === 0) return;
    const bytes = this.consumed;
    this.consumed = 0;
    this.tell({ type: 'credit', stream: this.id, bytes });
  }

  receive(packet: Extract<StreamPacket, { type: 'chunk' | 'end' | 'fail' }>): void {
    if (packet.type === 'chunk') {
      this.consumed += packet.data.length;
      // Node asks for more only while it has less than the mark, so what stays unread is never granted again.
      this.push(
        typeof packet.data === 'string' ? packet.data : Buffer.from(packet.data.buffer, packet.data.byteOffset, packet.data.length),
      );
      return;
    }
    this.complete = true;
    if (packet.type === 'end') this.push(null);
    else this.destroy(unpackError(packet.error));
  }

  lose(error: Error): void {
    this.complete = true;
    this.destroy(error);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.forget();
    if (!this.complete) this.tell({ type: 'cut', stream: this.id });
    callback(error);
  }
}

function cutShort(): SluiceError {
  return new SluiceError('ISOLATION_STREAM_CUT', 'A stream between two isolation tiers was closed before its end', { retryable: true });
}
