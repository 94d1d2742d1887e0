/** A supervisor and real child processes. The kernels are small programs that speak the kernel's side of the protocol and answer HTTP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Supervisor } from '@sluice/kernel/supervisor/supervisor';
import { askForUpgrade, serveSupervisor, supervisorStatus } from '@sluice/kernel/supervisor/control';
import { freePort } from '../../support/system.js';

/** What a kernel does once it may start. */
type Behaviour = 'serves' | 'does not load' | 'ends at start' | 'never serves' | 'crashes soon';

function kernelSource(version: string, port: number, behaviour: Behaviour): string {
  return `
    const { createServer } = require('node:http');
    if (${JSON.stringify(behaviour)} === 'does not load') throw new Error('a module is missing');
    const server = createServer((request, response) => {
      if (request.url === '/crash') process.exit(9);
      response.end(${JSON.stringify(version)});
    });
    process.on('message', (message, handle) => {
      if (message.type === 'start') {
        if (${JSON.stringify(behaviour)} === 'ends at start') process.exit(3);
        if (${JSON.stringify(behaviour)} === 'never serves') return;
        process.send({ type: 'listen', id: 1, host: '127.0.0.1', port: ${port} });
      }
      if (message.type === 'socket') {
        if (message.error) process.exit(4);
        server.listen(handle, () => {
          process.send({ type: 'ready' });
          if (${JSON.stringify(behaviour)} === 'crashes soon') setImmediate(() => process.exit(5));
        });
      }
      if (message.type === 'stop') server.close(() => process.disconnect());
    });
    process.send({ type: 'loaded', version: ${JSON.stringify(version)} });
  `;
}

describe('supervisor', () => {
  let folder: string;
  let port: number;
  let supervisor: Supervisor;
  let running: Promise<number>;
  let lines: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-supervisor-'));
    port = await freePort();
    lines = [];
  });

  afterEach(async () => {
    await supervisor.stop();
    await running;
    rmSync(folder, { recursive: true, force: true });
  });

  function kernel(version: string, behaviour: Behaviour = 'serves'): string {
    const kernelFolder = join(folder, version);
    mkdirSync(join(kernelFolder, 'bin'), { recursive: true });
    writeFileSync(join(kernelFolder, 'bin/sluice.cjs'), kernelSource(version, port, behaviour));
    return kernelFolder;
  }

  async function start(kernelFolder: string, startMs = 10_000): Promise<void> {
    supervisor = new Supervisor({
      command: { node: process.execPath, kernelFolder, arguments: [] },
      lameDuckMs: 0,
      startMs,
      log: (line) => lines.push(line),
    });
    running = supervisor.run();
    await Promise.race([supervisor.serving, running]);
  }

  async function ask(path = '/'): Promise<string> {
    const asked = request({ port, path, host: '127.0.0.1', agent: false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return text;
  }

  /** Asks until an answer comes: the crash itself may take the answer with it. */
  async function crash(): Promise<void> {
    await ask('/crash').catch(() => undefined);
  }

  it('replaces a kernel: what asks in between waits and is answered', async () => {
    await start(kernel('1.0.0'));
    assert.equal(await ask(), '1.0.0');
    const [outcome, ...answers] = await Promise.all([supervisor.upgrade({ kernelFolder: kernel('1.1.0') }), ask(), ask(), ask()]);
    assert.equal(outcome.outcome, 'replaced');
    assert.deepEqual([outcome.from.version, outcome.to.version], ['1.0.0', '1.1.0']);
    for (const answer of answers) assert.match(answer, /^1\.[01]\.0$/);
    assert.equal(await ask(), '1.1.0');
  });

  it('does not touch the old kernel when the new one does not load', async () => {
    await start(kernel('1.0.0'));
    const { pid } = supervisor.status().kernel;
    const outcome = await supervisor.upgrade({ kernelFolder: kernel('1.1.0', 'does not load') });
    assert.deepEqual([outcome.outcome, outcome.error?.code], ['refused', 'KERNEL_ENDED']);
    assert.deepEqual([await ask(), supervisor.status().kernel.pid], ['1.0.0', pid]);
  });

  it('returns to the old kernel when the new one does not serve', async () => {
    await start(kernel('1.0.0'), 1_000);
    const ends = await supervisor.upgrade({ kernelFolder: kernel('1.1.0', 'ends at start') });
    assert.deepEqual([ends.outcome, ends.error?.code, await ask()], ['returned', 'KERNEL_ENDED', '1.0.0']);
    const hangs = await supervisor.upgrade({ kernelFolder: kernel('1.2.0', 'never serves') });
    assert.deepEqual([hangs.outcome, hangs.error?.code, await ask()], ['returned', 'KERNEL_START_TIMEOUT', '1.0.0']);
  });

  it('returns to the old kernel when the new one crashes soon', async () => {
    await start(kernel('1.0.0'));
    await supervisor.upgrade({ kernelFolder: kernel('1.1.0', 'crashes soon') });
    assert.equal(await ask(), '1.0.0');
    assert.ok(lines.some((line) => line.includes('It was new')));
  });

  it('starts a crashed kernel again; what asks meanwhile waits', async () => {
    await start(kernel('1.0.0'));
    const before = supervisor.status().kernel.pid;
    await crash();
    assert.equal(await ask(), '1.0.0');
    assert.notEqual(supervisor.status().kernel.pid, before);
    assert.equal(supervisor.status().crashes, 1);
  });

  it('ends the kernel that is just starting after a crash', async () => {
    await start(kernel('1.0.0'));
    await crash();
    while (supervisor.status().crashes === 0) await new Promise((resolve) => setImmediate(resolve));
    const stopped = supervisor.stop();
    assert.equal(await running, 0);
    await stopped;
    await assert.rejects(ask());
  });

  it('ends the new kernel when it is told to end in the middle of a replacement', async () => {
    await start(kernel('1.0.0'));
    const replacing = supervisor.upgrade({ kernelFolder: kernel('1.1.0') });
    const stopped = supervisor.stop();
    assert.equal((await replacing).outcome, 'replaced');
    await stopped;
    assert.equal(await running, 0);
    await assert.rejects(ask());
  });

  it('gives up when the kernel crashes again and again, with its exit code', async () => {
    await start(kernel('1.0.0', 'crashes soon'));
    assert.equal(await running, 5);
    assert.match(lines.at(-1) ?? '', /given up/);
  }).timeout(20_000);

  it('does not hide why the first start fails', async () => {
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    await start(kernel('1.0.0'));
    assert.equal(await running, 4);
    other.close();
    await once(other, 'close');
  });

  it('is asked through its socket, and makes one replacement at a time', async () => {
    await start(kernel('1.0.0'));
    const control = await serveSupervisor(folder, supervisor);
    try {
      const kernelFolder = kernel('1.1.0');
      const [first, second] = await Promise.allSettled([askForUpgrade(folder, { kernelFolder }), askForUpgrade(folder, { kernelFolder })]);
      const outcomes = [first, second].map((one) =>
        one.status === 'fulfilled' ? one.value.outcome : (one.reason as { code: string }).code,
      );
      assert.deepEqual(outcomes.sort(), ['UPGRADE_BUSY', 'replaced']);
      assert.deepEqual((await supervisorStatus(folder)).kernel.version, '1.1.0');
    } finally {
      control.close();
    }
    await assert.rejects(supervisorStatus(folder), { code: 'SUPERVISOR_NOT_RUNNING' });
  });
});
