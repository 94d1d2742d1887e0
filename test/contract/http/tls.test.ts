/** TLS: certificates from files, renewed while connections live. The keys beside this file are for this test only. */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { reply, Type } from '@sluice/sdk';
import type { TlsConfig } from '../../../plugins/system/http/domain/settings.js';
import { HttpBench } from './http-bench.js';

const FOLDER = join(process.cwd(), 'test/contract/http/tls');
const files = (name: string): TlsConfig => ({ certFile: join(FOLDER, `${name}.pem`), keyFile: join(FOLDER, `${name}.key`) });

/** Name in the certificate a new connection is shown. */
async function certificateOf(port: number): Promise<string> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

function ask(port: number, path: string, ca: string): Promise<{ status: number; body: string; transport: string | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { port, path, host: '127.0.0.1', ca: readFileSync(join(FOLDER, ca)), agent: false };
    get(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body, transport: response.headers['strict-transport-security'] }),
      );
    }).once('error', reject);
  });
}

describe('https server', () => {
  let bench: HttpBench;

  beforeEach(async () => {
    bench = await HttpBench.open({ tls: files('first') });
    await bench.publish({
      routes: [
        {
          method: 'GET',
          path: '/',
          operationId: 'root',
          summary: 'Answers',
          schemas: { responses: { 200: Type.String() } },
          handler: () => reply(200, 'secret'),
        },
      ],
    });
  });
  afterEach(() => bench.close());

  it('serves with the configured certificate and tells browsers to stay on TLS', async () => {
    assert.match(bench.url, /^https:/);
    assert.deepEqual(await ask(bench.port, '/test', 'first.pem'), { status: 200, body: '"secret"', transport: 'max-age=31536000' });
  });

  it('shows a renewed certificate to new connections', async () => {
    assert.equal(await certificateOf(bench.port), 'first.test');
    await bench.listener.reconfigure({ ...bench.handler.settings, tls: files('second') });
    assert.equal(await certificateOf(bench.port), 'second.test');
    assert.equal((await ask(bench.port, '/test', 'second.pem')).status, 200);
  });

  it('refuses a key that does not fit its certificate, and keeps the old ones', async () => {
    const wrong = { certFile: files('first').certFile, keyFile: files('second').keyFile };
    await assert.rejects(
      bench.listener.reconfigure({ ...bench.handler.settings, tls: wrong }),
      (error: { code: string; message: string }) => {
        assert.equal(error.code, 'TLS_FILES_INVALID');
        assert.equal(error.message.includes('PRIVATE'), false);
        return true;
      },
    );
    assert.equal(await certificateOf(bench.port), 'first.test');
  });

  it('drops what is no TLS, and hands its port over with TLS', async () => {
    const plain = await bench.connect();
    plain.write('GET /test HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal((await plain.untilClosed()).includes('secret'), false);
    const next = await bench.successor({ tls: files('second') });
    await next.publish({ staticFiles: new Map([['index.html', Buffer.from('next')]]) });
    bench.listener.handOver(next.listener);
    assert.equal(await certificateOf(next.port), 'second.test');
    assert.equal((await ask(next.port, '/test/', 'second.pem')).body, 'next');
    await next.close();
  });
});
