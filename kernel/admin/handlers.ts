/** What each endpoint does with the runtime. Reading requests and writing answers are elsewhere. */
import type { IncomingMessage } from 'node:http';
import { isAbsolute } from 'node:path';
import { SluiceError } from '@sluice/sdk';
import type { ChangeOptions, Runtime } from '../lifecycle/runtime.js';
import type { ChangeOutcome, EndpointName, EndpointResults, LogLine, RuntimeEvent } from './contract.js';
import type { AdminTrust } from '../trust/ports.js';
import type { Principal } from '../trust/roles.js';
import type { Intake } from './intake.js';
import { readArtifacts, readJson, readRelease, type MatchedRequest } from './requests.js';
import { TRUST_HANDLERS } from './trust-handlers.js';

/** One request on its way to the runtime. */
export interface Call {
  readonly runtime: Runtime;
  readonly trust: AdminTrust;
  readonly principal: Principal;
  /** What the body brings, where it brings artifacts. */
  readonly intake: Intake;
  readonly request: IncomingMessage;
  readonly bundle: string;
  readonly query: MatchedRequest['query'];
}

/** Default number of log lines and history entries. */
const LOG_LINES_DEFAULT = 200;
const LOG_LINES_FOLLOWED = 20;
const HISTORY_DEFAULT = 20;

type JsonName = Exclude<EndpointName, ChangeName | FollowName>;
/** Endpoints that change something. */
export type ChangeName =
  | 'deploy'
  | 'deployRelease'
  | 'rollbackRelease'
  | 'install'
  | 'update'
  | 'start'
  | 'stop'
  | 'uninstall'
  | 'rollback'
  | 'confirm'
  | 'setStartLevel';
/** Endpoints that go on until the client leaves. */
export type FollowName = 'followLogs' | 'followEvents';

/** Endpoints that answer with one value. */
export const JSON_HANDLERS: { readonly [K in JsonName]: (call: Call) => EndpointResults[K] | Promise<EndpointResults[K]> } = {
  // Loaded when asked for: its schemas take longer to build than a small system to start.
  openapi: ({ runtime }) => (require('./openapi.js') as typeof import('./openapi.js')).openApiDocument(runtime.status().version),
  status: ({ runtime, trust }) => ({ ...runtime.status(), trust: trust.status(runtime.bundles()) }),
  bundles: ({ runtime }) => runtime.bundles(),
  inspect: ({ runtime, bundle }) => runtime.inspect(bundle),
  why: ({ runtime, bundle }) => runtime.why(bundle),
  services: ({ runtime, query }) => runtime.services(textOf(query['filter'])),
  routes: ({ runtime }) => runtime.routes(),
  history: ({ runtime, query }) => runtime.history(numberOf(query['limit']) ?? HISTORY_DEFAULT),
  releases: ({ runtime }) => runtime.releases(),
  desiredState: ({ runtime }) => runtime.desiredState(),
  artifactOf: ({ runtime, bundle }) => runtime.artifactOf(bundle),
  figures: ({ runtime, query }) => runtime.figures({ heap: query['heap'] === true }),
  dump: ({ runtime, query }) => runtime.diagnose({ heap: query['heap'] === true }),
  leaks: ({ runtime, query }) => runtime.leaks({ collect: query['collect'] === true }),
  logs: ({ runtime, query }) => {
    const since = numberOf(query['since']);
    const limit = numberOf(query['limit']) ?? LOG_LINES_DEFAULT;
    return runtime.logs({ ...logQuery(query), limit, ...(since === undefined ? {} : { since }) });
  },
  configOf: ({ runtime, bundle }) => runtime.configOf(bundle),
  configHistory: ({ runtime, bundle }) => runtime.configHistory(bundle),
  configSet: async ({ runtime, bundle, request, principal }) => {
    const values = configPatch(await readJson(request));
    await runtime.configSet(bundle, values, principal.name);
    return runtime.configOf(bundle);
  },
  backup: async ({ runtime, request }) => {
    const { target } = await readJson(request);
    if (typeof target !== 'string' || !isAbsolute(target)) {
      throw bodyInvalid(`'target' is ${JSON.stringify(target) ?? 'missing'}, expected an absolute path`);
    }
    return runtime.backup(target);
  },
  shutdown: ({ runtime }) => {
    // After the answer has left: the shutdown closes this very connection.
    setImmediate(() => void runtime.shutdown().catch((error: Error) => process.emitWarning(error)));
    return { stopping: true, pid: process.pid };
  },
  ...TRUST_HANDLERS,
};

/** Endpoints that report progress and end with an outcome. */
export const CHANGE_HANDLERS: { readonly [K in ChangeName]: (call: Call, options: ChangeOptions) => Promise<ChangeOutcome> } = {
  deploy: async (call, options) => {
    const outcome = await call.runtime.deploy(await readArtifacts(call.request), options);
    await keepPending(call, outcome);
    return outcome;
  },
  deployRelease: async ({ runtime, request }, options) => {
    const { release, artifacts } = await readRelease(request);
    return runtime.deployRelease(release, artifacts, options);
  },
  rollbackRelease: ({ runtime }, options) => runtime.rollbackRelease(options),
  install: async ({ runtime, request }, options) => runtime.install(await readArtifacts(request), options),
  update: async ({ runtime, request }, options) => {
    const [artifact, ...others] = await readArtifacts(request);
    if (artifact === undefined || others.length > 0) throw bodyInvalid(`it holds ${others.length + 1} artifacts, expected one`);
    return runtime.update(artifact, options);
  },
  start: ({ runtime, bundle }, options) => runtime.start(bundle, options),
  stop: ({ runtime, bundle }, options) => runtime.stop(bundle, options),
  uninstall: ({ runtime, bundle }, options) => runtime.uninstall(bundle, options),
  rollback: ({ runtime, bundle }, options) => runtime.rollback(bundle, options),
  confirm: ({ runtime }, options) => runtime.confirm(options.actor),
  setStartLevel: async ({ runtime, request }, options) => {
    const { level } = await readJson(request);
    if (!Number.isInteger(level)) throw bodyInvalid(`'level' is ${JSON.stringify(level) ?? 'missing'}, expected a whole number`);
    return runtime.setStartLevel(level as number, options);
  },
};

/** What asks for more permissions waits on the shelf for somebody who may grant them, while the version before serves. */
async function keepPending({ trust, intake, principal }: Call, { error, plan }: ChangeOutcome): Promise<void> {
  const codes = [error?.code, ...plan.problems.map(({ code }) => code)];
  if (!codes.includes('PERMISSION_INCREASE') || intake.artifacts.length === 0) return;
  await trust.shelf.store(intake.artifacts, intake.signatures, principal.name);
}

/** Endpoints that send values until the client leaves. Each returns the undo. */
export const FOLLOW_HANDLERS = {
  followLogs: ({ runtime, query }: Call, send: (line: LogLine) => void): (() => void) => {
    // Reading and subscribing happen in one turn, so no line is lost or doubled between them.
    for (const line of runtime.logs({ ...logQuery(query), limit: numberOf(query['limit']) ?? LOG_LINES_FOLLOWED })) send(line);
    return runtime.followLogs(logQuery(query), send);
  },
  followEvents: ({ runtime }: Call, send: (event: RuntimeEvent) => void): (() => void) => runtime.followEvents(send),
} as const satisfies { readonly [K in FollowName]: (call: Call, send: (value: unknown) => void) => () => void };

function logQuery(query: Call['query']): { bundle?: string; level?: string } {
  const bundle = textOf(query['bundle']);
  const level = textOf(query['level']);
  return { ...(bundle === undefined ? {} : { bundle }), ...(level === undefined ? {} : { level }) };
}

function configPatch(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { set = {}, unset = [], ...others } = body;
  const unknown = Object.keys(others);
  if (unknown.length > 0) throw bodyInvalid(`'${unknown.join("', '")}' is unknown, expected 'set' and 'unset'`);
  if (typeof set !== 'object' || set === null || Array.isArray(set)) throw bodyInvalid("'set' is no object of keys and values");
  if (!Array.isArray(unset) || unset.some((key) => typeof key !== 'string')) throw bodyInvalid("'unset' is no list of keys");
  return { ...set, ...Object.fromEntries((unset as string[]).map((key) => [key, undefined])) };
}

function bodyInvalid(reason: string): SluiceError {
  return new SluiceError('ADMIN_BODY_INVALID', `Cannot read the body: ${reason}`, { httpStatus: 400 });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
