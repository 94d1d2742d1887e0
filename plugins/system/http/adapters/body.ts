/**
 * Reads request bodies within their limit.
 * Always holds: no more than the limit is kept in memory, and a body that is too large is not read to its end.
 */
import type { IncomingMessage } from 'node:http';
import type { Problem } from '../domain/problem.js';
import type { Exchange } from './exchange.js';

/** A body, or why there is none. `gone`: the client went away, nobody waits for an answer. */
export type BodyOutcome =
  { readonly kind: 'read'; readonly value: unknown } | { readonly kind: 'refused'; readonly problem: Problem } | { readonly kind: 'gone' };

const JSON_TYPE = /^application\/(?:json|[\w.+-]+\+json)\s*(?:;|$)/i;

/** Reads a JSON body. */
export async function readJson(exchange: Exchange, bytesMax: number): Promise<BodyOutcome> {
  const { request } = exchange;
  const type = request.headers['content-type'];
  const encoding = request.headers['content-encoding'];
  if (!hasBody(request)) return { kind: 'read', value: undefined };
  if (type === undefined || !JSON_TYPE.test(type))
    return unsupported(`Content-Type '${type ?? ''}'`, "Send 'Content-Type: application/json'.");
  if (encoding !== undefined && encoding !== 'identity')
    return unsupported(`Content-Encoding '${encoding}'`, 'Send the body uncompressed.');
  const refusal = refuseBody(exchange, bytesMax);
  if (refusal !== null) return { kind: 'refused', problem: refusal };
  const bytes = await collect(request, bytesMax);
  if (bytes === 'gone') return { kind: 'gone' };
  if (bytes === 'too-large') {
    exchange.closeAfterAnswer();
    return { kind: 'refused', problem: tooLarge(bytesMax) };
  }
  return parse(bytes.toString('utf8'));
}

/**
 * Looks at the announced length before any of the body is read; lets a client that asked first go on.
 * @returns the refusal, or null.
 */
export function refuseBody(exchange: Exchange, bytesMax: number): Problem | null {
  const { request, response } = exchange;
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
    exchange.closeAfterAnswer();
    return tooLarge(bytesMax);
  }
  if (request.headers.expect !== undefined && /^100-continue$/i.test(request.headers.expect)) response.writeContinue();
  return null;
}

/**
 * Watches the body that a router's handler reads by itself. The length of a chunked body is known only as it arrives, and there is no
 * public place between the parser and the reader: so `push` of this one message is wrapped.
 */
export function limitChunkedBody(exchange: Exchange, bytesMax: number): void {
  const { request } = exchange;
  if (request.headers['transfer-encoding'] === undefined) return;
  const push = request.push.bind(request);
  let received = 0;
  request.push = (chunk: Buffer | null): boolean => {
    received += chunk?.length ?? 0;
    if (received <= bytesMax) return push(chunk);
    request.push = () => false;
    exchange.closeAfterAnswer();
    exchange.answerProblem(tooLarge(bytesMax));
    exchange.response.once('close', () => request.destroy());
    return false;
  };
}

/** True when a request announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0');
}

function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer | 'gone' | 'too-large'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let received = 0;
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received <= bytesMax) chunks.push(chunk);
      else {
        // What still comes is thrown away until the answer has closed the connection.
        request.removeAllListeners('data').resume();
        resolve('too-large');
      }
    });
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)));
    request.once('error', () => resolve('gone'));
    request.once('close', () => resolve('gone'));
  });
}

function parse(text: string): BodyOutcome {
  // JSON.parse makes `__proto__` an own property; code that copies it would not.
  if (text.includes('"__proto__"')) return malformed('the name "__proto__" is not allowed');
  try {
    return { kind: 'read', value: JSON.parse(text) as unknown };
  } catch (error) {
    return malformed((error as Error).message);
  }
}

function malformed(reason: string): BodyOutcome {
  return { kind: 'refused', problem: { status: 400, code: 'BODY_MALFORMED', detail: `The body is no JSON document: ${reason}` } };
}

function unsupported(found: string, remedy: string): BodyOutcome {
  return {
    kind: 'refused',
    problem: { status: 415, code: 'BODY_TYPE_UNSUPPORTED', detail: `This route takes JSON; found ${found}`, remedy },
  };
}

function tooLarge(bytesMax: number): Problem {
  return { status: 413, code: 'BODY_TOO_LARGE', detail: `The body is larger than ${bytesMax} bytes`, details: { bytesMax } };
}
