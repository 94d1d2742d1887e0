/** What a bundle must not do, by name. Each is what an honest mistake or a hostile author could write. */

interface Host {
  readonly process: NodeJS.Process;
}

// The shadowed `process` refuses what this does; an author who wants to reaches the real one.
const host = globalThis as unknown as Host;

const KINDS: Readonly<Record<string, () => unknown>> = {
  'endless loop': () => {
    for (let turns = 0; ; turns += 1) if (turns < 0) return turns;
  },
  'loop in a timer': () => {
    setTimeout(() => {
      for (let turns = 0; ; turns += 1) if (turns < 0) return;
    }, 1);
  },
  'loop after an await': async () => {
    await Promise.resolve();
    for (let turns = 0; ; turns += 1) if (turns < 0) return;
  },
  exit: () => host.process.exit(7),
  'throw in a timer': () =>
    setTimeout(
      () =>
        queueMicrotask(() => {
          throw new Error('thrown in a microtask');
        }),
      1,
    ),
  'forgotten rejection': () => void Promise.reject(new Error('nobody handles this')),
  'stack overflow': () => {
    const deeper = (): number => deeper() + 1;
    return deeper();
  },
  'grow the heap': () => {
    const kept: unknown[] = [];
    for (;;) kept.push(Array.from({ length: 1_000 }, (_, at) => ({ at })));
  },
  'grow buffers': async () => {
    const kept: Buffer[] = [];
    for (;;) {
      kept.push(Buffer.alloc(8 * 1024 * 1024, 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  },
  'kill itself': () => host.process.kill(host.process.pid, 'SIGKILL'),
  abort: () => host.process.abort(),
};

/** Does it. */
export async function misbehave(how: string): Promise<void> {
  if (how.startsWith('reach ')) return void (await fetch(how.slice('reach '.length)));
  const kind = KINDS[how];
  if (kind === undefined) throw new Error(`no misbehaviour '${how}'`);
  await kind();
}
