/** The greeting of `sluice start`. */
import { strictEqual } from 'node:assert';
import { greetingOf } from '@sluice/kernel/cli/commands/start';

describe('greeting', () => {
  it('names the address the kernel listens on, wherever it stands', () => {
    const text = 'Open {address}/mobile, or curl {address}.\n\n';
    strictEqual(
      greetingOf(text, ['http://127.0.0.1:18080', 'http://[::1]:18080']),
      'Open http://127.0.0.1:18080/mobile, or curl http://127.0.0.1:18080.',
    );
    strictEqual(greetingOf(text, []), 'Open (no address)/mobile, or curl (no address).');
  });
});
