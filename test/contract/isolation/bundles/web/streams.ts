/** Streams of known length, and how far they got. */
import { Readable } from 'node:stream';

/** What happened to the streams so far. */
export const streams = { producedBytes: 0, open: 0, waiting: 0, aborted: 0 };

/** So many bytes, made when they are asked for. */
export function bytes(length: number): Readable {
  let left = length;
  streams.open += 1;
  const readable = new Readable({
    highWaterMark: 16 * 1024,
    read(size) {
      const chunk = Buffer.alloc(Math.min(size, left), 0x61);
      left -= chunk.length;
      streams.producedBytes += chunk.length;
      this.push(chunk.length === 0 ? null : chunk);
    },
  });
  readable.once('close', () => (streams.open -= 1));
  return readable;
}

/** Waits until the client has gone. */
export async function gone(signal: AbortSignal): Promise<void> {
  streams.waiting += 1;
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  streams.waiting -= 1;
  streams.aborted += 1;
}
