/**
 * Reads requests of the admin protocol: which endpoint, its parameters, its body within limits. Refuses with SluiceErrors that
 * name what was found and what was expected. Does no work of its own.
 */
import type { IncomingMessage } from 'node:http';
import { messageOf, SluiceError } from '@sluice/sdk';
import type { ChangeOptions } from '../lifecycle/runtime.js';
import { type Release, TIERS, type Tier, nearestNames, parseRelease } from '../model/index.js';
import {
  ARTIFACT_BYTES_MAX,
  ARTIFACTS_BYTES_MAX,
  ARTIFACTS_MEDIA_TYPE,
  ENDPOINTS,
  JSON_BYTES_MAX,
  TARBALL_MEDIA_TYPES,
  type Endpoint,
  type EndpointName,
} from './contract.js';
import { readFrames } from './frames.js';

/** A request that names an endpoint. */
export interface MatchedRequest {
  readonly name: EndpointName;
  readonly endpoint: Endpoint;
  /** The `{bundle}` of the path, or empty. */
  readonly bundle: string;
  readonly query: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Finds the endpoint of a request.
 * @throws SluiceError `ADMIN_ROUTE_UNKNOWN`, `ADMIN_METHOD_REFUSED` or `ADMIN_QUERY_INVALID`.
 */
export function matchRequest(method: string, target: string): MatchedRequest {
  const url = new URL(target, 'http://localhost');
  const allowed = new Set<string>();
  for (const name of NAMES) {
    const bundle = matchPath(ENDPOINTS[name].path, url.pathname);
    if (bundle === undefined) continue;
    if (ENDPOINTS[name].method === method) {
      return { name, endpoint: ENDPOINTS[name], bundle, query: readQuery(ENDPOINTS[name], url.searchParams) };
    }
    allowed.add(ENDPOINTS[name].method);
  }
  if (allowed.size > 0) {
    throw new SluiceError('ADMIN_METHOD_REFUSED', `${method} is not possible on '${url.pathname}', expected ${[...allowed].join(' or ')}`, {
      details: { method, path: url.pathname, allowed: [...allowed] },
      httpStatus: 405,
    });
  }
  const nearest = nearestNames(url.pathname, new Set(NAMES.map((name) => ENDPOINTS[name].path)));
  throw new SluiceError('ADMIN_ROUTE_UNKNOWN', `Nothing is served at '${url.pathname}'`, {
    details: { path: url.pathname, nearest },
    httpStatus: 404,
    remedy: nearest[0] === undefined ? 'GET /v1/openapi.json lists everything' : `Did you mean '${nearest[0]}'?`,
  });
}

const NAMES = Object.keys(ENDPOINTS) as EndpointName[];

/** The value of `{bundle}`, empty where the pattern has none; undefined when the path does not match. */
function matchPath(pattern: string, path: string): string | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  let bundle = '';
  for (const [index, part] of wanted.entries()) {
    const found = given[index] ?? '';
    if (part === '{bundle}' && found !== '') bundle = decoded(found);
    else if (part !== found) return undefined;
  }
  return bundle;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function readQuery(endpoint: Endpoint, parameters: URLSearchParams): Record<string, string | number | boolean> {
  const query: Record<string, string | number | boolean> = {};
  const mistakes: string[] = [];
  for (const [key, text] of parameters) {
    const parameter = Object.hasOwn(endpoint.query, key) ? endpoint.query[key] : undefined;
    if (parameter === undefined) {
      const nearest = nearestNames(key, Object.keys(endpoint.query))[0];
      mistakes.push(`'${key}' is unknown${nearest === undefined ? '' : `, did you mean '${nearest}'?`}`);
    } else if (Object.hasOwn(query, key)) mistakes.push(`'${key}' is given twice`);
    else {
      const value = parameter.type === 'string' ? text : parameter.type === 'integer' ? readInteger(text) : readFlag(text);
      if (value === undefined)
        mistakes.push(`'${key}' is '${text}', expected ${parameter.type === 'integer' ? 'a whole number' : 'true or false'}`);
      else query[key] = value;
    }
  }
  if (mistakes.length > 0) {
    throw new SluiceError('ADMIN_QUERY_INVALID', `Cannot read the query of ${endpoint.method} ${endpoint.path}: ${mistakes.join('; ')}`, {
      details: { mistakes },
      httpStatus: 400,
    });
  }
  return query;
}

function readInteger(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readFlag(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** The options of a change from a request's query. */
export function changeOptions(query: MatchedRequest['query']): ChangeOptions {
  const { actor, ...rest } = query;
  const { tier } = rest;
  if (tier !== undefined && !TIERS.includes(tier as Tier)) {
    throw new SluiceError('ADMIN_QUERY_INVALID', `Cannot read the query: 'tier' is '${tier}', expected ${TIERS.join(', ')}`, {
      details: { mistakes: ['tier'] },
      httpStatus: 400,
    });
  }
  return { actor: typeof actor === 'string' && actor !== '' ? actor : 'unknown', ...(rest as Partial<ChangeOptions>) };
}

/** Artifacts of requests whose bodies were read already. */
const PROVIDED = new WeakMap<IncomingMessage, readonly Uint8Array[]>();

/** Sets what {@link readArtifacts} answers for a request from now on. */
export function provideArtifacts(request: IncomingMessage, artifacts: readonly Uint8Array[]): void {
  PROVIDED.set(request, artifacts);
}

/** Artifacts of a request, framed or a single tarball. */
export async function readArtifacts(request: IncomingMessage): Promise<readonly Uint8Array[]> {
  const provided = PROVIDED.get(request);
  if (provided !== undefined) return provided;
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === ARTIFACTS_MEDIA_TYPE) {
    const artifacts = readFrames(await readBody(request, ARTIFACTS_BYTES_MAX));
    if (artifacts.length > 0) return artifacts;
  } else if (TARBALL_MEDIA_TYPES.includes(type)) {
    const body = await readBody(request, ARTIFACT_BYTES_MAX);
    if (body.length > 0) return [body];
  } else {
    const expected = [ARTIFACTS_MEDIA_TYPE, ...TARBALL_MEDIA_TYPES];
    throw new SluiceError('ADMIN_MEDIA_TYPE_REFUSED', `Cannot read a body of type '${type}', expected ${expected.join(' or ')}`, {
      details: { type, expected },
      httpStatus: 415,
    });
  }
  throw new SluiceError('ADMIN_BODY_INVALID', 'The request holds no artifact, expected at least one', { httpStatus: 400 });
}

/**
 * A release and the artifacts that come along: framed, the release as JSON first.
 * @throws SluiceError `ADMIN_MEDIA_TYPE_REFUSED`, `ADMIN_BODY_INVALID`, `RELEASE_INVALID`.
 */
export async function readRelease(
  request: IncomingMessage,
): Promise<{ readonly release: Release; readonly artifacts: readonly Uint8Array[] }> {
  const [document, ...artifacts] = await readArtifacts(request);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(document ?? []).toString('utf8'));
  } catch (cause) {
    throw new SluiceError('ADMIN_BODY_INVALID', `Cannot read the release, the first part of the body: ${messageOf(cause)}`, {
      httpStatus: 400,
      cause,
    });
  }
  return { release: parseRelease(value, 'in the request'), artifacts };
}

/** A JSON object as body. */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const body = await readBody(request, JSON_BYTES_MAX);
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new TypeError('it is not an object');
  } catch (cause) {
    throw new SluiceError('ADMIN_BODY_INVALID', `Cannot read the body as a JSON object: ${messageOf(cause)}`, { httpStatus: 400, cause });
  }
}

/** Bodies by request: what was read to see who may do it is read again to do it. */
const BODIES = new WeakMap<IncomingMessage, Promise<Buffer>>();

function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  let body = BODIES.get(request);
  if (body === undefined) BODIES.set(request, (body = receiveBody(request, bytesMax)));
  return body;
}

async function receiveBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const tooLarge = (): SluiceError =>
    new SluiceError('ADMIN_BODY_TOO_LARGE', `The body is larger than ${bytesMax} bytes`, { details: { bytesMax }, httpStatus: 413 });
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not `for await`: leaving that loop early destroys the socket, and the client would never see why.
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) return void chunks.push(chunk);
      request.pause();
      reject(tooLarge());
    });
    request.on('end', resolve);
    request.on('error', reject);
    request.on('close', () => reject(new SluiceError('ADMIN_REQUEST_ABORTED', 'The client left before its request was complete')));
  });
  return Buffer.concat(chunks);
}
