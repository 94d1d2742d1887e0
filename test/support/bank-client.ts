/** A client of the mobile bank: keep-alive connections, sessions, transfers with keys that are retried until they are answered. */
import { Agent, request as httpRequest } from 'node:http';
import { randomUUID } from 'node:crypto';

/** Password of all demo customers. */
export const DEMO_PASSWORD = 'Sluice-demo-2026';

/** An answer with its parsed body. */
export interface Answer<B = Record<string, unknown>> {
  readonly status: number;
  readonly body: B;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly durationMs: number;
}

/** An account as the mobile bank shows it. */
export interface AccountLine {
  readonly accountNo: string;
  readonly currency: string;
  readonly balance: string;
}

/** An order as the mobile bank shows it. */
export interface OrderLine {
  readonly orderNo: string;
  readonly state: string;
  readonly servedBy: string;
  readonly code?: string;
}

/** What happened on the way to an answer. */
export interface Attempts {
  /** Answers with status 500 and above. */
  serverErrors: number;
  /** Connections that were refused or broke. */
  brokenConnections: number;
  requests: number;
  /** Connections opened. */
  connections: number;
}

/** One HTTP client with its own connections. */
export class BankClient {
  readonly #agent: Agent;
  readonly #address: string;
  #token: string | null = null;
  readonly attempts: Attempts = { serverErrors: 0, brokenConnections: 0, requests: 0, connections: 0 };

  constructor(address: string, connections = 1) {
    this.#address = address;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** One request, no retry. Rejects when the connection breaks. */
  send<B = Record<string, unknown>>(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer<B>> {
    const startedAt = performance.now();
    this.attempts.requests += 1;
    const payload = options.body === undefined ? undefined : JSON.stringify(options.body);
    const headers: Record<string, string> = { ...options.headers };
    if (payload !== undefined) headers['content-type'] = 'application/json';
    if (payload !== undefined) headers['content-length'] = String(Buffer.byteLength(payload));
    if (this.#token !== null) headers['authorization'] = `Bearer ${this.#token}`;
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${this.#address}${path}`, { method, agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const body = (text === '' ? {} : JSON.parse(text)) as B;
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers, durationMs: performance.now() - startedAt });
        });
      });
      request.on('error', reject);
      request.on('socket', () => (this.attempts.connections += request.reusedSocket ? 0 : 1));
      request.end(payload);
    });
  }

  async login(login: string, password = DEMO_PASSWORD): Promise<void> {
    this.#token = null;
    const answer = await this.send<{ token: string }>('POST', '/mobile/login', { body: { login, password } });
    if (answer.status !== 200) throw new Error(`login of ${login} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    this.#token = answer.body.token;
  }

  async accounts(): Promise<readonly AccountLine[]> {
    const answer = await this.send<{ accounts: AccountLine[] }>('GET', '/mobile/accounts');
    if (answer.status !== 200) throw new Error(`accounts answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body.accounts;
  }

  /** Submits a transfer once. */
  transfer(order: { from: string; to: string; amount: string; key?: string; delayMs?: number }): Promise<Answer<OrderLine>> {
    const headers: Record<string, string> = { 'idempotency-key': order.key ?? randomUUID() };
    if (order.delayMs !== undefined) headers['x-demo-delay-ms'] = String(order.delayMs);
    const body = { payerAccountNo: order.from, payeeAccountNo: order.to, amount: order.amount, currency: 'CNY' };
    return this.send('POST', '/mobile/transfers', { body, headers });
  }

  /** Submits a transfer under one key until it is answered below 500, as a well-behaved client does. */
  async transferUntilAnswered(
    order: { from: string; to: string; amount: string; key?: string },
    attemptsMax = 200,
  ): Promise<Answer<OrderLine>> {
    const key = order.key ?? randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.transfer({ ...order, key });
        if (answer.status < 500 && answer.status !== 409) return answer;
        this.attempts.serverErrors += 1;
        if (attempt >= attemptsMax) return answer;
      } catch (error) {
        this.attempts.brokenConnections += 1;
        if (attempt >= attemptsMax) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Decimal text in minor units of a currency with two decimals. */
export function minorOf(text: string): bigint {
  const match = /^(-?)(\d+)\.(\d{2})$/.exec(text);
  if (match === null) throw new Error(`'${text}' is not an amount with two decimals`);
  return BigInt(`${match[1]}${match[2]}${match[3]}`);
}
