/** Promises of the buffer before the file: never waits, keeps order, bounds memory, tells a fault once. */
import { deepStrictEqual as equal } from 'node:assert';
import { BufferedLines, type LineTarget } from '../../../../plugins/system/log/domain/buffered-lines.js';

class Target implements LineTarget {
  text = '';
  appends = 0;
  closed = false;
  failure: Error | null = null;
  gate: Promise<void> | null = null;

  async append(chunk: Uint8Array): Promise<void> {
    this.appends++;
    await this.gate;
    if (this.failure !== null) throw this.failure;
    this.text += Buffer.from(chunk).toString();
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function setup(bytesMax = 1_000) {
  const target = new Target();
  const told: string[] = [];
  const time = { now: 0 };
  const faults = {
    failed: (error: unknown) => told.push((error as Error).message),
    recovered: (lost: number) => told.push(`recovered, lost ${lost}`),
  };
  return { target, told, time, lines: new BufferedLines(target, faults, () => time.now, bytesMax) };
}

describe('system.log buffered lines', () => {
  it('writes lines of one turn in one append, in order', async () => {
    const { target, lines } = setup();
    for (const text of ['a', 'b', 'c']) lines.write(`${text}\n`);
    equal(target.appends, 0);
    await lines.close();
    equal({ text: target.text, appends: target.appends, closed: target.closed }, { text: 'a\nb\nc\n', appends: 1, closed: true });
  });

  it('keeps lines through a failure, reports it once, and attempts again at most once a second', async () => {
    const { target, told, time, lines } = setup();
    target.failure = new Error('no space');
    lines.write('a\n');
    await lines.flush();
    for (let index = 0; index < 50; index++) lines.write('b\n');
    await lines.flush();
    const attempts = target.appends;
    time.now = 500;
    lines.write('c\n');
    equal(target.appends, attempts);
    target.failure = null;
    time.now = 2_500;
    lines.write('d\n');
    await lines.flush();
    equal(target.text, `a\n${'b\n'.repeat(50)}c\nd\n`);
    equal(told, ['no space', 'recovered, lost 0']);
  });

  it('drops and counts what a full buffer cannot hold, without waiting', async () => {
    const { target, told, lines } = setup(10);
    let open: () => void = () => undefined;
    target.gate = new Promise((resolve) => (open = resolve));
    for (let index = 0; index < 8; index++) lines.write('123\n');
    open();
    await lines.flush();
    equal(target.text, '123\n123\n');
    equal(told, ['recovered, lost 6']);
  });

  it('closes the target even when it fails', async () => {
    const { target, lines } = setup();
    target.failure = new Error('gone');
    lines.write('a\n');
    await lines.close();
    equal(target.closed, true);
  });
});
