/**
 * Typed client of the admin protocol. One request per call over the socket of a data folder, or over TCP; nothing stays open between calls.
 * Failures are SluiceErrors with the code the kernel gave; no kernel on the folder is `KERNEL_NOT_RUNNING`.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { SluiceError } from './errors.js';
import { adminSocketPath } from './address.js';
import {
  ARTIFACTS_MEDIA_TYPE,
  ENDPOINTS,
  STREAM_MEDIA_TYPE,
  type AdminProblem,
  type ChangeLine,
  type ConfigPatch,
  type Endpoint,
  type EndpointName,
  type EndpointResults,
  type FollowLine,
  type LogLine,
  type RuntimeEvent,
  type TrustedKey,
} from './contract.js';
import { writeFrames } from './frames.js';
import { errorOfProblem } from './problems.js';
import { remoteOptions, type RemoteKernel } from './remote.js';
import type { ChangeOutcome, ProgressEvent } from '../lifecycle/runtime.js';
import type { Release } from '../model/index.js';
import type { Tier } from '../model/index.js';

/** Options of a change as a client gives them; the actor is the client's. */
export interface ClientChangeOptions {
  readonly dryRun?: boolean;
  readonly grantPermissions?: boolean;
  readonly deployId?: string;
  readonly baseGeneration?: number;
  readonly watchMs?: number;
  readonly drainMs?: number;
  readonly confirmWithinMs?: number;
  readonly tier?: Tier;
  readonly progress?: (event: ProgressEvent) => void;
}

interface Call {
  readonly bundle?: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: Uint8Array;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** A client of the kernel on one data folder. */
export class AdminClient {
  constructor(
    readonly dataFolder: string,
    readonly actor: string,
    /** A kernel elsewhere, in place of the one on the data folder. */
    readonly remote?: RemoteKernel,
  ) {}

  openapi = (): Promise<EndpointResults['openapi']> => this.json('openapi');
  status = (): Promise<EndpointResults['status']> => this.json('status');
  bundles = (): Promise<EndpointResults['bundles']> => this.json('bundles');
  inspect = (bundle: string): Promise<EndpointResults['inspect']> => this.json('inspect', { bundle });
  why = (bundle: string): Promise<EndpointResults['why']> => this.json('why', { bundle });
  services = (filter?: string): Promise<EndpointResults['services']> => this.json('services', { query: { filter } });
  routes = (): Promise<EndpointResults['routes']> => this.json('routes');
  history = (limit?: number): Promise<EndpointResults['history']> => this.json('history', { query: { limit } });
  releases = (): Promise<EndpointResults['releases']> => this.json('releases');
  desiredState = (): Promise<EndpointResults['desiredState']> => this.json('desiredState');
  artifactOf = (bundle: string): Promise<EndpointResults['artifactOf']> => this.json('artifactOf', { bundle });
  figures = (options: { readonly heap: boolean } = { heap: false }): Promise<EndpointResults['figures']> =>
    this.json('figures', { query: options });
  dump = (options: { readonly heap: boolean }): Promise<EndpointResults['dump']> => this.json('dump', { query: options });
  leaks = (options: { readonly collect: boolean }): Promise<EndpointResults['leaks']> => this.json('leaks', { query: options });
  logs = (query: { bundle?: string; level?: string; limit?: number; since?: number } = {}): Promise<EndpointResults['logs']> =>
    this.json('logs', { query });
  configOf = (bundle: string): Promise<EndpointResults['configOf']> => this.json('configOf', { bundle });
  configHistory = (bundle: string): Promise<EndpointResults['configHistory']> => this.json('configHistory', { bundle });
  configSet = (bundle: string, patch: ConfigPatch): Promise<EndpointResults['configSet']> =>
    this.json('configSet', { bundle, query: { actor: this.actor }, ...jsonBody(patch) });
  backup = (target: string): Promise<EndpointResults['backup']> => this.json('backup', jsonBody({ target }));
  shutdown = (): Promise<EndpointResults['shutdown']> => this.json('shutdown');
  artifacts = (): Promise<EndpointResults['artifacts']> => this.json('artifacts');
  /** Stores artifacts and signature files; they run when somebody deploys their digests. */
  upload = (parts: readonly Uint8Array[]): Promise<EndpointResults['upload']> =>
    this.json('upload', { ...this.asActor(), ...framedBody(parts) });
  addSignatures = (signatureFile: Uint8Array): Promise<EndpointResults['addSignatures']> =>
    this.json('addSignatures', { ...this.asActor(), body: signatureFile, contentType: 'application/json' });
  keys = (): Promise<EndpointResults['keys']> => this.json('keys');
  trustKey = (wish: Pick<TrustedKey, 'name' | 'role' | 'prefixes' | 'publicKey'>): Promise<EndpointResults['trustKey']> =>
    this.json('trustKey', { ...this.asActor(), ...jsonBody(wish) });
  revokeKey = (id: string, reason: string): Promise<EndpointResults['revokeKey']> =>
    this.json('revokeKey', { ...this.asActor(), ...jsonBody({ id, reason }) });
  tokens = (): Promise<EndpointResults['tokens']> => this.json('tokens');
  createToken = (wish: { name: string; roles: readonly string[]; bundles: readonly string[]; lifeMs?: number }) =>
    this.json('createToken', { ...this.asActor(), ...jsonBody(wish) });
  revokeToken = (token: string): Promise<EndpointResults['revokeToken']> =>
    this.json('revokeToken', { ...this.asActor(), ...jsonBody({ token }) });
  audit = (limit?: number): Promise<EndpointResults['audit']> => this.json('audit', { query: { limit } });
  verifyAudit = (head?: string): Promise<EndpointResults['verifyAudit']> => this.json('verifyAudit', { query: { head } });

  deploy = (artifacts: readonly Uint8Array[], options: ClientChangeOptions = {}): Promise<ChangeOutcome> =>
    this.change('deploy', options, framedBody(artifacts));
  deployRelease = (release: Release, artifacts: readonly Uint8Array[], options: ClientChangeOptions = {}): Promise<ChangeOutcome> =>
    this.change('deployRelease', options, framedBody([Buffer.from(JSON.stringify(release)), ...artifacts]));
  rollbackRelease = (options: ClientChangeOptions = {}): Promise<ChangeOutcome> => this.change('rollbackRelease', options, {});
  install = (artifacts: readonly Uint8Array[], options: ClientChangeOptions = {}): Promise<ChangeOutcome> =>
    this.change('install', options, framedBody(artifacts));
  /** @param signatureFile the file with its signatures. */
  update = (artifact: Uint8Array, options: ClientChangeOptions = {}, signatureFile?: Uint8Array): Promise<ChangeOutcome> =>
    this.change('update', options, framedBody(signatureFile === undefined ? [artifact] : [artifact, signatureFile]));
  /** Deploys uploaded artifacts. */
  deployStored = (digests: readonly string[], options: ClientChangeOptions = {}): Promise<ChangeOutcome> =>
    this.change('deploy', options, jsonBody({ digests }));
  start = (bundle: string, options: ClientChangeOptions = {}): Promise<ChangeOutcome> => this.change('start', options, { bundle });
  stop = (bundle: string, options: ClientChangeOptions = {}): Promise<ChangeOutcome> => this.change('stop', options, { bundle });
  uninstall = (bundle: string, options: ClientChangeOptions = {}): Promise<ChangeOutcome> => this.change('uninstall', options, { bundle });
  rollback = (bundle: string, options: ClientChangeOptions = {}): Promise<ChangeOutcome> => this.change('rollback', options, { bundle });
  confirm = (): Promise<ChangeOutcome> => this.change('confirm', {}, {});
  setStartLevel = (level: number, options: ClientChangeOptions = {}): Promise<ChangeOutcome> =>
    this.change('setStartLevel', options, jsonBody({ level }));

  /** Sends recent log lines, then each new one, until the signal is aborted or the kernel stops. */
  followLogs(
    query: { readonly bundle?: string; readonly level?: string; readonly limit?: number },
    line: (line: FollowLine<LogLine>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return this.follow('followLogs', { query, signal }, line);
  }

  /** Sends each event of the system until the signal is aborted or the kernel stops. */
  followEvents(line: (line: FollowLine<RuntimeEvent>) => void, signal: AbortSignal): Promise<void> {
    return this.follow('followEvents', { signal }, line);
  }

  private asActor(): Pick<Call, 'query'> {
    return { query: { actor: this.actor } };
  }

  private async json<K extends EndpointName>(name: K, call: Call = {}): Promise<EndpointResults[K]> {
    const response = await this.send(name, call);
    return JSON.parse(await textOf(response)) as EndpointResults[K];
  }

  private async change(name: EndpointName, options: ClientChangeOptions, call: Call): Promise<ChangeOutcome> {
    const { progress, ...settings } = options;
    const response = await this.send(name, { ...call, query: { actor: this.actor, ...settings }, accept: STREAM_MEDIA_TYPE });
    let cut: unknown;
    try {
      for await (const text of createInterface({ input: response, crlfDelay: Infinity })) {
        const line = JSON.parse(text) as ChangeLine;
        if (line.type === 'progress') progress?.(line.event);
        else if (line.type === 'result') return line.value;
        else throw errorOfProblem(line.problem);
      }
    } catch (error) {
      // A killed kernel resets the connection; everything else is an answer.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      cut = error;
    }
    throw new SluiceError('ADMIN_ANSWER_CUT', 'The kernel ended before it told the outcome of the change', {
      remedy: 'Look at `sluice history`; a change that was committed is kept',
      ...(cut === undefined ? {} : { cause: cut }),
    });
  }

  private async follow<T>(name: EndpointName, call: Call, line: (line: FollowLine<T>) => void): Promise<void> {
    try {
      const response = await this.send(name, call);
      for await (const text of createInterface({ input: response, crlfDelay: Infinity })) line(JSON.parse(text) as FollowLine<T>);
    } catch (error) {
      if (call.signal?.aborted !== true) throw error;
    }
  }

  private async send(name: EndpointName, call: Call): Promise<IncomingMessage> {
    const endpoint: Endpoint = ENDPOINTS[name];
    const response = await this.connect(endpoint, call);
    // Outcomes come with the status of a refusal where the client did not ask for a stream; everything else above 399 is a problem.
    if ((response.statusCode ?? 500) >= 400) throw errorOfProblem(JSON.parse(await textOf(response)) as AdminProblem);
    return response;
  }

  private connect(endpoint: Endpoint, call: Call): Promise<IncomingMessage> {
    const { tls, headers: own, ...where } = this.remote === undefined ? this.local() : remoteOptions(this.remote);
    const headers: Record<string, string | number> = { ...(own as Record<string, string>) };
    if (call.accept !== undefined) headers['accept'] = call.accept;
    if (call.contentType !== undefined) headers['content-type'] = call.contentType;
    if (endpoint.method !== 'GET') headers['content-length'] = call.body?.length ?? 0;
    const options = { ...where, method: endpoint.method, path: targetOf(endpoint, call), headers, agent: false as const };
    // Loaded when used: most commands talk to the socket.
    const send = tls ? (require('node:https') as typeof import('node:https')).request : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send({ ...options, ...(call.signal === undefined ? {} : { signal: call.signal }) }, resolve);
      request.on('error', (cause: NodeJS.ErrnoException) => reject(this.unreachable(cause)));
      request.end(call.body);
    });
  }

  private local() {
    return { socketPath: adminSocketPath(this.dataFolder), headers: { host: 'localhost' }, tls: false };
  }

  private unreachable(cause: NodeJS.ErrnoException): unknown {
    if (this.remote !== undefined) {
      return new SluiceError('SERVER_UNREACHABLE', `Cannot reach the kernel at '${this.remote.url}': ${cause.message}`, {
        details: { url: this.remote.url, code: cause.code ?? null },
        cause,
        httpStatus: 503,
        remedy: 'Check the address and the certificate; --ca-file names the authority that signed it',
      });
    }
    if (cause.code !== 'ENOENT' && cause.code !== 'ECONNREFUSED') return cause;
    return new SluiceError('KERNEL_NOT_RUNNING', `No kernel runs on the data folder '${this.dataFolder}'`, {
      details: { dataFolder: this.dataFolder },
      cause,
      remedy: 'Start it with `sluice start`, or name another folder with --data',
    });
  }
}

function targetOf(endpoint: Endpoint, call: Call): string {
  const path = endpoint.path.replace('{bundle}', encodeURIComponent(call.bundle ?? ''));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(call.query ?? {})) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') query.set(key, String(value));
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function jsonBody(value: unknown): Pick<Call, 'body' | 'contentType'> & { readonly body: Uint8Array } {
  return { body: Buffer.from(JSON.stringify(value)), contentType: 'application/json' };
}

function framedBody(artifacts: readonly Uint8Array[]): Call {
  return { body: writeFrames(artifacts), contentType: ARTIFACTS_MEDIA_TYPE };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
