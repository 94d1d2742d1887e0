/** Answers that need no bundle code: static files and OpenAPI documents. They begin no entry. */
import { isUnchanged, type StaticFile } from '../domain/static-files.js';
import type { Exchange } from './exchange.js';

/** Answers a file, or that the client's copy is still good. */
export function answerFile(exchange: Exchange, file: StaticFile): void {
  const { response, request } = exchange;
  response.setHeader('etag', file.etag);
  // Asked again each time, answered with 304: a swap shows at once and costs next to nothing.
  response.setHeader('cache-control', 'no-cache');
  if (isUnchanged(file, request.headers['if-none-match'])) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.statusCode = 200;
  response.setHeader('content-type', file.contentType);
  response.setHeader('content-length', file.bytes.byteLength);
  response.end(exchange.method === 'HEAD' ? undefined : file.bytes);
}

/** Answers an OpenAPI document. */
export function answerDocument(exchange: Exchange, text: string): void {
  const { response } = exchange;
  response.statusCode = 200;
  response.setHeader('cache-control', 'no-cache');
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(exchange.method === 'HEAD' ? undefined : text);
}
