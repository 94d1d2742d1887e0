/**
 * Many clients send the same orders under the same keys, each in an order of its own, over HTTP. Every key must have one effect, and every
 * client the same answer, byte for byte, whoever came first.
 */
import { Agent, request as httpRequest } from 'node:http';
import { BankClient, DEMO_PASSWORD, minorOf } from '../support/bank-client.js';
import { System } from '../support/system.js';
import { bankDatabase, type BankDialect } from './bank-database.js';
import { seeded } from './random.js';

/** Size of a run. */
export interface SameKeysOptions {
  readonly dialect: BankDialect;
  readonly clients: number;
  readonly keys: number;
  readonly seed: number;
}

/** What was counted. */
export interface SameKeysFigures {
  readonly requests: number;
  /** Keys with more than one answer. */
  readonly differingAnswers: number;
  /** Keys for which other than exactly one answer was not marked as a repetition. */
  readonly notOnceFirst: number;
  /** Effects missing (negative) or too many, in transfers. */
  readonly effectsOff: number;
  readonly perSecond: number;
  readonly problems: readonly string[];
}

const AMOUNT_MINOR = 1n;
/** An answer that says "still running" is asked for again this often. */
const BUSY_MAX = 50;

interface Raw {
  readonly status: number;
  readonly text: string;
  readonly repeated: boolean;
}

/** Runs against a system of its own. */
export async function sameKeys(options: SameKeysOptions): Promise<SameKeysFigures> {
  const database = await bankDatabase(options.dialect);
  const system = await System.start({ config: { ...database.config, 'platform.customer': { demoCustomers: 2 } } });
  try {
    return await run(system, options);
  } finally {
    await system.stop();
    await database.drop();
  }
}

async function run(system: System, { clients, keys, seed }: SameKeysOptions): Promise<SameKeysFigures> {
  const bank = new BankClient(system.address);
  const other = new BankClient(system.address);
  await bank.login('c0001');
  await other.login('c0002');
  const yuan = async (client: BankClient): Promise<{ accountNo: string; balance: string }> => {
    const account = (await client.accounts()).find(({ currency }) => currency === 'CNY');
    if (account === undefined) throw new Error('a demo customer has no account in yuan');
    return account;
  };
  const [payer, payee] = [await yuan(bank), await yuan(other)];
  const { token } = (await bank.send<{ token: string }>('POST', '/mobile/login', { body: { login: 'c0001', password: DEMO_PASSWORD } }))
    .body;
  const body = JSON.stringify({ payerAccountNo: payer.accountNo, payeeAccountNo: payee.accountNo, amount: '0.01', currency: 'CNY' });

  const answers = Array.from({ length: keys }, () => ({ texts: new Set<string>(), firsts: 0 }));
  const problems: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const send = (key: string): Promise<Raw> =>
    post(agent, `${system.address}/mobile/transfers`, body, { authorization: `Bearer ${token}`, 'idempotency-key': key });
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_unused, client) => {
      for (const number of shuffled(keys, seeded(seed + client))) {
        const { status, text, repeated } = await settled(() => send(`same-key-${seed}-${number}`));
        const seen = answers[number] as (typeof answers)[number];
        seen.texts.add(text);
        if (!repeated) seen.firsts += 1;
        if (status !== 201) problems.push(`key ${number}: ${status} ${text}`);
      }
    }),
  ); // prettier-ignore
  const tookMs = performance.now() - startedAt;
  agent.destroy();

  const moved = minorOf(payer.balance) - minorOf((await yuan(bank)).balance);
  const arrived = minorOf((await yuan(other)).balance) - minorOf(payee.balance);
  if (moved !== arrived) problems.push(`the payer lost ${moved}, the payee got ${arrived}`);
  bank.close();
  other.close();
  return {
    requests: clients * keys,
    differingAnswers: answers.filter(({ texts }) => texts.size !== 1).length,
    notOnceFirst: answers.filter(({ firsts }) => firsts !== 1).length,
    effectsOff: Number(moved / AMOUNT_MINOR) - keys,
    perSecond: (clients * keys) / (tookMs / 1_000),
    problems: problems.slice(0, 20),
  };
}

async function settled(send: () => Promise<Raw>): Promise<Raw> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send();
    if (answer.status !== 409 || attempt >= BUSY_MAX) return answer;
  }
}

function post(agent: Agent, url: string, body: string, headers: Record<string, string>): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const all = { ...headers, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const request = httpRequest(url, { method: 'POST', agent, headers: all }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const repeated = response.headers['idempotency-replayed'] === 'true';
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), repeated });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

function shuffled(count: number, random: () => number): readonly number[] {
  const numbers = Array.from({ length: count }, (_unused, index) => index);
  for (let index = count - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [numbers[index], numbers[other]] = [numbers[other] as number, numbers[index] as number];
  }
  return numbers;
}
