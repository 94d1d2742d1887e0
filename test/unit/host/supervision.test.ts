/** What a kernel and its supervisor say to each other, and sockets passed by systemd. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { findSupervisor, SUPERVISED, systemdSockets, type Supervision } from '@sluice/kernel/host/supervision';

class Channel extends EventEmitter {
  connected = true;
  readonly said: object[] = [];
  send(message: object): boolean {
    this.said.push(message);
    return true;
  }
  disconnect(): void {
    this.connected = false;
  }
}

function setup(): { channel: Channel; supervision: Supervision } {
  const channel = new Channel();
  const supervision = findSupervisor(channel as never, { [SUPERVISED]: '1' });
  assert.ok(supervision);
  return { channel, supervision };
}

describe('kernel under a supervisor', () => {
  it('has none without a channel, or when nobody said so', () => {
    assert.equal(findSupervisor(new Channel() as never, {}), null);
    assert.equal(findSupervisor(new EventEmitter() as never, { [SUPERVISED]: '1' }), null);
  });

  it('says what it is and begins when it may', async () => {
    const { channel, supervision } = setup();
    const leave = supervision.mayStart('1.2.3');
    channel.emit('message', { type: 'start' });
    await leave;
    supervision.ready();
    assert.deepEqual(channel.said, [{ type: 'loaded', version: '1.2.3' }, { type: 'ready' }]);
  });

  it('gets each socket it asked for, or the reason why not', async () => {
    const { channel, supervision } = setup();
    const [first, second] = [supervision.listenSockets.take('127.0.0.1', 1), supervision.listenSockets.take('127.0.0.1', 2)];
    channel.emit('message', { type: 'socket', id: 2, error: { code: 'EADDRINUSE', message: 'in use' } });
    const handle = {};
    channel.emit('message', { type: 'socket', id: 1 }, handle);
    assert.equal(await first, handle);
    await assert.rejects(second, { code: 'LISTEN_FAILED', message: 'in use' });
  });

  it('ends when asked, and when the supervisor is gone, also when that was said before anybody listened', () => {
    const { channel, supervision } = setup();
    channel.emit('message', { type: 'stop', lameDuckMs: 70 });
    channel.emit('disconnect');
    const asked: number[] = [];
    supervision.onStop(({ lameDuckMs }) => asked.push(lameDuckMs));
    assert.deepEqual(asked, [70]);
  });

  it('does not begin once the supervisor is gone', async () => {
    const { channel, supervision } = setup();
    const leave = supervision.mayStart('1.2.3');
    channel.emit('disconnect');
    await assert.rejects(leave, { code: 'SUPERVISOR_GONE' });
  });
});

describe('sockets passed by systemd', () => {
  it('are taken by port, each once', async () => {
    const sockets = systemdSockets(7, { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: '8443:8080' });
    assert.deepEqual(await sockets?.take('0.0.0.0', 8080), { fd: 4 });
    assert.equal(await sockets?.take('0.0.0.0', 8080), null);
    assert.deepEqual(await sockets?.take('0.0.0.0', 8443), { fd: 3 });
  });

  it('need no name when there is one', async () => {
    const sockets = systemdSockets(7, { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'bank.socket' });
    assert.deepEqual(await sockets?.take('0.0.0.0', 8080), { fd: 3 });
  });

  it('are nobody’s when they were meant for another process', () => {
    assert.equal(systemdSockets(7, { LISTEN_PID: '8', LISTEN_FDS: '1' }), null);
    assert.equal(systemdSockets(7, {}), null);
    assert.equal(systemdSockets(7, { LISTEN_PID: '7', LISTEN_FDS: 'many' }), null);
  });
});
