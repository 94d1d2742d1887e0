/** Entry of a guest: connects the guest's kernel to the thread's port or the process's channel, and beats for as long as its loop turns. */
import { parentPort } from 'node:worker_threads';
import type { Packet } from '../protocol.js';
import { GuestBundle } from './guest-bundle.js';

/** The host takes a guest that is silent for several beats for stuck. */
const BEAT_MS = 200;

const post: (packet: Packet) => void =
  parentPort === null ? (packet) => void process.send?.(packet) : (packet) => parentPort?.postMessage(packet, []);

const guest = new GuestBundle(post);
const receive = (packet: Packet): void => guest.peer.receive(packet);
if (parentPort === null) process.on('message', receive).on('disconnect', () => process.exit(0));
else parentPort.on('message', receive);

// As inline: a rejection nobody handles is a fault of the bundle to be told, not the end of all it does.
process.on('unhandledRejection', (reason) => guest.stray('A promise was rejected and nobody handled it', reason));

function beat(): void {
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  post({ type: 'beat', memory: { heapUsedBytes: heapUsed, buffersBytes: arrayBuffers, rssBytes: rss } });
}

beat();
setInterval(beat, BEAT_MS);
