/** The statement that writes one event into the outbox inside a unit of work. The rows are read by `outbox.ts`. */
import { SluiceError, type SqlValue } from '@sluice/sdk';

/** Takes the values of {@link eventValues}. */
export const INSERT_EVENT = 'INSERT INTO sluice_outbox (topic, key, payload, at) VALUES (?, ?, ?, ?)';
/** One event is a message, not a document; larger things belong into a table. */
const PAYLOAD_BYTES_MAX = 256 * 1024;

/** @throws SluiceError `DATA_EVENT_INVALID` when the payload is not plain, bounded data. */
export function eventValues(at: number, topic: string, key: string, payload: unknown): readonly SqlValue[] {
  return [topic, key, encode(topic, payload), BigInt(at)];
}

function encode(topic: string, payload: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (error) {
    throw invalid(topic, `it cannot be written as JSON (${(error as Error).message})`, error);
  }
  if (text === undefined) throw invalid(topic, 'it is undefined or a function');
  const bytes = Buffer.byteLength(text);
  if (bytes > PAYLOAD_BYTES_MAX) throw invalid(topic, `it has ${bytes} bytes, at most ${PAYLOAD_BYTES_MAX} are allowed`);
  return text;
}

function invalid(topic: string, reason: string, cause?: unknown): SluiceError {
  return new SluiceError('DATA_EVENT_INVALID', `Event '${topic}' was not written: its payload is not usable, ${reason}`, {
    details: { topic, reason },
    remedy: 'Emit plain JSON data; write bigint amounts as strings of digits.',
    cause,
  });
}
