/**
 * The admin protocol as data: endpoints, options of changes, lines of a stream, the error document and the exit codes made of it.
 * Server, client, OpenAPI document and command line all read this file; it holds no behaviour but pure mappings.
 */
import type {
  ArtifactContent,
  BackupResult,
  BundleDetail,
  BundleSummary,
  Cause,
  ChangeOutcome,
  ConfigValue,
  DiagnosisFile,
  DesiredStateDocument,
  HistoryEntry,
  LogLine,
  ProblemData,
  ProgressEvent,
  ReleaseEntry,
  ReleaseVerdict,
  RouteSummary,
  RuntimeStatus,
  ServiceSummary,
  SystemFigures,
} from '../lifecycle/runtime.js';
import { TRUST_ENDPOINTS, type TrustResults } from './trust-contract.js';

export type {
  ArtifactContent,
  BackupResult,
  BundleDetail,
  BundleSummary,
  Cause,
  ChangeOutcome,
  ChangePlan,
  ComponentSummary,
  ConfigValue,
  DesiredStateDocument,
  HistoryEntry,
  LogLine,
  ProblemData,
  ProgressEvent,
  ReleaseEntry,
  ReleaseVerdict,
  RouteSummary,
  RuntimeStatus,
  ServiceSummary,
  SystemFigures,
  BundleFigures,
  DiagnosisFile,
} from '../lifecycle/runtime.js';

export type * from './trust-contract.js';

/** Version of the protocol, the first part of every path. */
export const PROTOCOL_VERSION = 'v1';

/** Media type of framed artifacts: per artifact its length (four bytes, big endian), then its bytes. */
export const ARTIFACTS_MEDIA_TYPE = 'application/vnd.sluice.artifacts';
/** Media types of one tarball as the whole body. */
export const TARBALL_MEDIA_TYPES: readonly string[] = ['application/gzip', 'application/octet-stream'];
/** Media type of streams: one JSON value a line. */
export const STREAM_MEDIA_TYPE = 'application/x-ndjson';
/** Media type of errors (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Largest artifact; the same as the archive reader's limit. */
export const ARTIFACT_BYTES_MAX = 64 * 1024 * 1024;
/** Largest body with artifacts. All of it is held in memory while a deploy is checked. */
export const ARTIFACTS_BYTES_MAX = 256 * 1024 * 1024;
/** Most artifacts in one change. */
export const ARTIFACTS_MAX = 200;
/** Largest JSON body. */
export const JSON_BYTES_MAX = 1024 * 1024;

/** One recorded change of configuration. */
export interface ConfigHistoryEntry {
  readonly at: number;
  readonly actor: string;
  readonly key: string;
  readonly layer: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** One event of the running system. */
export interface RuntimeEvent {
  readonly at: number;
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
}

/** Answer to the request to shut down; it comes before the kernel is down. */
export interface ShutdownResult {
  readonly stopping: true;
  readonly pid: number;
}

/** Body of a configuration change. */
export interface ConfigPatch {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly unset?: readonly string[];
}

/** Error document of every refused or failed request. */
export interface AdminProblem extends ProblemData {
  /** `urn:sluice:error:<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** The same text as `message`, under the name RFC 9457 gives it. */
  readonly detail: string;
}

/** A line of the answer to a change: its progress, then exactly one result or problem. */
export type ChangeLine =
  | { readonly type: 'progress'; readonly event: ProgressEvent }
  | { readonly type: 'result'; readonly value: ChangeOutcome }
  | { readonly type: 'problem'; readonly problem: AdminProblem };

/** A line of a followed log or of followed events. `dropped`: the reader was too slow for that many lines. */
export type FollowLine<T> = { readonly type: 'line'; readonly value: T } | { readonly type: 'dropped'; readonly count: number };

/** What a query parameter may hold. */
export interface QueryParameter {
  readonly type: 'string' | 'integer' | 'boolean';
  readonly summary: string;
}

/** One endpoint. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Path with `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  /** `json`: one value; `change`: progress lines and a result; `follow`: lines until the client leaves. */
  readonly answer: 'json' | 'change' | 'follow';
  readonly body: 'none' | 'json' | 'artifacts' | 'artifact' | 'release';
  readonly query: Readonly<Record<string, QueryParameter>>;
}

const CHANGE_QUERY = {
  actor: { type: 'string', summary: 'who asks; recorded in the journal' },
  dryRun: { type: 'boolean', summary: 'compute and return the plan, change nothing' },
  deployId: { type: 'string', summary: 'client-made id: the same id again returns the recorded outcome' },
  baseGeneration: { type: 'integer', summary: 'refuse with GENERATION_CONFLICT when the current generation is another' },
  watchMs: { type: 'integer', summary: 'probation after the switch in milliseconds; 0 confirms at once' },
  drainMs: { type: 'integer', summary: 'longest drain in milliseconds' },
  grantPermissions: { type: 'boolean', summary: 'let in what asks for more permissions than before; takes the right to approve' },
  allowDowngrade: { type: 'boolean', summary: 'take a lower version than the one it replaces; takes a right of its own' },
  confirmWithinMs: { type: 'integer', summary: 'deploys only: taken back when not confirmed within these milliseconds' },
  tier: { type: 'string', summary: 'isolation tier to run in: inline, worker or process; not weaker than a manifest asks for' },
} as const satisfies Record<string, QueryParameter>;

const LOG_QUERY = {
  bundle: { type: 'string', summary: 'only lines of this bundle' },
  level: { type: 'string', summary: 'lowest level: trace, debug, info, warn, error, fatal' },
} as const satisfies Record<string, QueryParameter>;

const get = (path: string, summary: string, query: Endpoint['query'] = {}): Endpoint => ({
  method: 'GET',
  path,
  summary,
  answer: 'json',
  body: 'none',
  query,
});
const follow = (path: string, summary: string, query: Endpoint['query'] = {}): Endpoint => ({
  ...get(path, summary, query),
  answer: 'follow',
});
const change = (path: string, summary: string, body: Endpoint['body'] = 'none'): Endpoint => ({
  method: 'POST',
  path,
  summary,
  answer: 'change',
  body,
  query: CHANGE_QUERY,
});

/** Every endpoint by name. */
export const ENDPOINTS = {
  openapi: get('/v1/openapi.json', 'This interface as an OpenAPI 3.1 document'),
  status: get('/v1/status', 'State of the kernel'),
  bundles: get('/v1/bundles', 'Installed bundles'),
  inspect: get('/v1/bundles/{bundle}', 'Everything about one bundle'),
  why: get('/v1/bundles/{bundle}/why', 'Why a bundle, component, service or route is as it is, as a chain of causes'),
  services: get('/v1/services', 'Registered services', {
    filter: { type: 'string', summary: 'RFC 4515 filter over the properties, or a part of a contract name' },
  }),
  routes: get('/v1/routes', 'Served routes'),
  history: get('/v1/history', 'Recent changes, oldest first', { limit: { type: 'integer', summary: 'at most this many; default 20' } }),
  releases: get('/v1/releases', 'Deployed releases, oldest first'),
  desiredState: get('/v1/state', 'The whole desired state: bundles, what runs, configuration without secrets'),
  artifactOf: get('/v1/bundles/{bundle}/artifact', 'The artifact of an installed bundle'),
  figures: get('/v1/figures', 'What the system counts: traffic and holdings by bundle, changes, memory', {
    heap: { type: 'boolean', summary: 'measure the heap by bundle first; stops the process for about a second per 100 MB' },
  }),
  dump: get('/v1/dump', 'Everything worth knowing for whoever looks for a fault, as files without secrets', {
    heap: { type: 'boolean', summary: 'measure the heap by bundle first; stops the process for about a second per 100 MB' },
  }),
  leaks: get('/v1/leaks', 'Verdicts on replaced revisions', {
    collect: { type: 'boolean', summary: 'force garbage collections first; stops the process for some 40 ms each' },
  }),
  logs: get('/v1/logs', 'Recent log lines, oldest first', {
    ...LOG_QUERY,
    limit: { type: 'integer', summary: 'at most this many; default 200' },
    since: { type: 'integer', summary: 'only lines with a higher sequence' },
  }),
  followLogs: follow('/v1/logs/follow', 'Recent log lines, then each new one', {
    ...LOG_QUERY,
    limit: { type: 'integer', summary: 'at most this many recent lines first; default 20' },
  }),
  followEvents: follow('/v1/events', 'Bundle, service and framework events as they happen'),
  configOf: get('/v1/config/{bundle}', 'Configuration of a bundle, each value with its origin'),
  configHistory: get('/v1/config/{bundle}/history', 'Changes of the configuration of a bundle'),
  configSet: {
    method: 'PUT',
    path: '/v1/config/{bundle}',
    summary: 'Sets and removes run-time values',
    answer: 'json',
    body: 'json',
    query: { actor: CHANGE_QUERY.actor },
  },
  deploy: change('/v1/deploy', 'Installs or swaps bundles in one plan', 'artifacts'),
  deployRelease: change('/v1/releases', 'Deploys a release: bundles and configuration in one change', 'release'),
  rollbackRelease: change('/v1/releases/rollback', 'Returns from the release deployed last'),
  install: change('/v1/install', 'Installs bundles without starting them', 'artifacts'),
  update: change('/v1/update', 'Updates one bundle in place: stop, update, start', 'artifact'),
  start: change('/v1/bundles/{bundle}/start', 'Starts a bundle'),
  stop: change('/v1/bundles/{bundle}/stop', 'Stops a bundle'),
  uninstall: change('/v1/bundles/{bundle}/uninstall', 'Uninstalls a bundle'),
  rollback: change('/v1/bundles/{bundle}/rollback', 'Returns to the revision before'),
  confirm: { ...change('/v1/confirm', 'Ends probation early'), query: { actor: CHANGE_QUERY.actor } },
  setStartLevel: change('/v1/startlevel', 'Moves the start level of the framework', 'json'),
  backup: { ...change('/v1/backup', 'Writes a consistent archive of the data folder', 'json'), answer: 'json', query: {} },
  shutdown: { ...change('/v1/shutdown', 'Stops everything in order and ends the process'), answer: 'json', query: {} },
  ...TRUST_ENDPOINTS,
} as const satisfies Record<string, Endpoint>;

/** Name of an endpoint. */
export type EndpointName = keyof typeof ENDPOINTS;

/** What each endpoint answers. */
export interface EndpointResults extends TrustResults {
  readonly openapi: Readonly<Record<string, unknown>>;
  readonly status: RuntimeStatus;
  readonly bundles: readonly BundleSummary[];
  readonly inspect: BundleDetail;
  readonly why: readonly Cause[];
  readonly services: readonly ServiceSummary[];
  readonly routes: readonly RouteSummary[];
  readonly history: readonly HistoryEntry[];
  readonly releases: readonly ReleaseEntry[];
  readonly desiredState: DesiredStateDocument;
  readonly artifactOf: ArtifactContent;
  readonly figures: SystemFigures;
  readonly dump: readonly DiagnosisFile[];
  readonly leaks: readonly ReleaseVerdict[];
  readonly logs: readonly LogLine[];
  readonly followLogs: FollowLine<LogLine>;
  readonly followEvents: FollowLine<RuntimeEvent>;
  readonly configOf: readonly ConfigValue[];
  readonly configHistory: readonly ConfigHistoryEntry[];
  readonly configSet: readonly ConfigValue[];
  readonly deploy: ChangeOutcome;
  readonly deployRelease: ChangeOutcome;
  readonly rollbackRelease: ChangeOutcome;
  readonly install: ChangeOutcome;
  readonly update: ChangeOutcome;
  readonly start: ChangeOutcome;
  readonly stop: ChangeOutcome;
  readonly uninstall: ChangeOutcome;
  readonly rollback: ChangeOutcome;
  readonly confirm: ChangeOutcome;
  readonly setStartLevel: ChangeOutcome;
  readonly backup: BackupResult;
  readonly shutdown: ShutdownResult;
}
