/** How commands reach a supervisor: JSON over HTTP on a Unix socket beside the admin socket, for the owner of the data folder only. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { dirname } from 'node:path';
import { isSluiceError, messageOf, SluiceError } from '@sluice/sdk';
import { socketPath } from '../admin/address.js';
import type { Supervisor, SupervisorStatus, UpgradeOutcome, UpgradeRequest } from './supervisor.js';

const BODY_BYTES_MAX = 16_384;

/** Serves a supervisor. Call after nobody else can hold the data folder. */
export async function serveSupervisor(dataFolder: string, supervisor: Pick<Supervisor, 'status' | 'upgrade'>): Promise<Server> {
  const path = socketPath(dataFolder, 'supervisor');
  const server = createServer((incoming, response) => {
    const answer = async (): Promise<unknown> => {
      if (incoming.method === 'GET' && incoming.url === '/v1/status') return supervisor.status();
      if (incoming.method === 'POST' && incoming.url === '/v1/upgrade')
        return supervisor.upgrade(JSON.parse(await text(incoming)) as UpgradeRequest);
      throw new SluiceError('ENDPOINT_UNKNOWN', `The supervisor does not know ${incoming.method} ${incoming.url}`, { httpStatus: 404 });
    };
    const send = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    answer().then(
      (body) => send(200, body),
      (error: unknown) => {
        const failure = isSluiceError(error) ? error : new SluiceError('REQUEST_MALFORMED', messageOf(error), { httpStatus: 400 });
        send(failure.httpStatus, { code: failure.code, detail: failure.message, remedy: failure.remedy, details: failure.details });
      },
    );
  });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  chmodSync(path, 0o600);
  return server;
}

/**
 * Asks the supervisor of a data folder to replace its kernel, and waits until that is over.
 * @throws SluiceError `SUPERVISOR_NOT_RUNNING`, `UPGRADE_BUSY`
 */
export function askForUpgrade(dataFolder: string, wanted: UpgradeRequest): Promise<UpgradeOutcome> {
  return ask(dataFolder, 'POST', '/v1/upgrade', wanted) as Promise<UpgradeOutcome>;
}

/**
 * The state of the supervisor of a data folder.
 * @throws SluiceError `SUPERVISOR_NOT_RUNNING`
 */
export function supervisorStatus(dataFolder: string): Promise<SupervisorStatus> {
  return ask(dataFolder, 'GET', '/v1/status') as Promise<SupervisorStatus>;
}

function ask(dataFolder: string, method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socketPath(dataFolder, 'supervisor'), method, path, agent: false }, (answer) => {
      text(answer).then((received) => {
        const content = JSON.parse(received) as { code: string; detail: string; remedy?: string; details?: Record<string, unknown> };
        if (answer.statusCode === 200) resolve(content);
        else
          reject(
            new SluiceError(content.code, content.detail, {
              httpStatus: answer.statusCode ?? 500,
              ...(content.remedy === undefined ? {} : { remedy: content.remedy }),
              ...(content.details === undefined ? {} : { details: content.details }),
            }),
          );
      }, reject);
    });
    asked.once('error', (cause) =>
      reject(
        new SluiceError('SUPERVISOR_NOT_RUNNING', `No supervisor runs on the data folder '${dataFolder}'`, {
          details: { dataFolder },
          remedy: 'Start with `sluice start --supervised`, or let systemd keep the socket and restart the service.',
          httpStatus: 503,
          cause,
        }),
      ),
    );
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function text(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) throw new SluiceError('BODY_TOO_LARGE', `More than ${BODY_BYTES_MAX} bytes`, { httpStatus: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
