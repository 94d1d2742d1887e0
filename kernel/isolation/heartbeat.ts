/**
 * Tells a guest that no longer turns its event loop. Counts own ticks instead of time: when the kernel itself was held up, one tick
 * passes, the guest's beats are read, and nobody is accused.
 */
import type { Clock, Timer } from '@sluice/sdk';

/** Between two looks at a guest. */
const TICK_MS = 100;
/** Looks without a beat after which a guest counts as stuck; it beats every 200 ms. */
const SILENT_TICKS_MAX = 8;

/** Watches one guest from its first beat on: loading code takes as long as it takes, and has a limit of its own. */
export class Heartbeat {
  private readonly timer: Timer;
  private silentTicks: number | null = null;

  constructor(
    clock: Clock,
    private readonly stuck: (silentMs: number) => void,
  ) {
    this.timer = clock.setInterval(() => this.look(), TICK_MS);
  }

  beat(): void {
    this.silentTicks = 0;
  }

  private look(): void {
    if (this.silentTicks === null) return;
    this.silentTicks += 1;
    if (this.silentTicks <= SILENT_TICKS_MAX) return;
    const silentMs = this.silentTicks * TICK_MS;
    this.stop();
    this.stuck(silentMs);
  }

  stop(): void {
    this.silentTicks = null;
    this.timer.cancel();
  }
}
