/**
 * Servers that some tests need. Where one is absent the test is skipped visibly, naming the server; with SLUICE_REQUIRE_SERVERS=1 an
 * absent server is a failure.
 */
import { connect } from 'node:net';

/** Where the servers of the test machine are. */
export const POSTGRES_URL = process.env['SLUICE_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/test';

/** Skips (or fails) a test when nothing listens at a URL. */
export async function needServer(test: Mocha.Context, name: string, url: string): Promise<void> {
  if (await listens(url)) return;
  if (process.env['SLUICE_REQUIRE_SERVERS'] === '1')
    throw new Error(`${name} is required (SLUICE_REQUIRE_SERVERS=1) but nothing listens at ${url}`);
  process.stdout.write(`      skipped: needs ${name} at ${url}\n`);
  test.skip();
}

function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
