/**
 * The watchdog's own thread. Follows the heartbeat of the kernel's thread in shared memory; when that stops, looks through the inspector
 * at what it runs, and ends the code of a bundle that does not come back.
 * Knows nothing of the kernel: whatever state that is in, this goes on.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import { culpritOf, type LoopFrame, type LoopReport, type Placed, type WatchdogMessage } from './watchdog-report.js';

/** What the kernel's thread hands over. */
export interface WatchdogOrder {
  /** [0]: beats; [1]: 1 while a debugger may hold the thread up. */
  readonly memory: SharedArrayBuffer;
  /** Where a report is left when the process has to be ended. */
  readonly reportFile: string;
}

const LOOK_MS = 100;
/** Looks without a beat before the thread is stopped and looked at. */
const SILENT_LOOKS_MAX = 7;
/** How long an interruption may take to have its effect. */
const RECOVERY_MS = 500;
const INTERRUPTIONS_MAX = 3;
/** A frame holds variables of the bundle; only its place is used. */
const FRAMES_MAX = 30;

/**
 * Node pushes an async context before a timer's callback (and others) and takes it off after; when the code in between is ended, it finds
 * the wrong one and aborts. With none at all it goes on, as after an exception nobody caught.
 */
const CLEAR_ASYNC_CONTEXT = `(() => {
  const { process } = globalThis;
  const before = process.noDeprecation;
  process.noDeprecation = true;
  try { process.binding('async_wrap').clearAsyncIdStack(); return true; } catch { return false; } finally { process.noDeprecation = before; }
})()`;

interface PausedFrame {
  readonly callFrameId: string;
  readonly functionName: string;
  readonly url: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number };
}

const { memory, reportFile } = workerData as WatchdogOrder;
const cells = new Int32Array(memory);
let lastBeat = -1;
let silentLooks = 0;
let busy = false;

setInterval(() => {
  const beat = Atomics.load(cells, 0);
  if (beat !== lastBeat || Atomics.load(cells, 1) === 1) {
    lastBeat = beat;
    silentLooks = 0;
    return;
  }
  silentLooks += 1;
  if (silentLooks < SILENT_LOOKS_MAX || busy) return;
  busy = true;
  void look().finally(() => {
    busy = false;
    silentLooks = 0;
  });
}, LOOK_MS);

async function look(): Promise<void> {
  const silentMs = silentLooks * LOOK_MS;
  const session = new Session();
  session.connectToMainThread();
  try {
    const urls = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params }) => void (params.url !== '' && urls.set(params.scriptId, params.url)));
    for (let attempt = 1; ; attempt += 1) {
      const frames = await interrupt(session, urls, attempt === 1);
      if (frames === null) return;
      const report = (outcome: LoopReport['outcome']): LoopReport => ({ at: Date.now(), silentMs, frames, outcome });
      if (culpritOf(frames) === null) return tell({ type: 'loop', report: report('left') });
      if (await beats(RECOVERY_MS)) return tell({ type: 'loop', report: report('interrupted') });
      if (attempt < INTERRUPTIONS_MAX) continue;
      writeFileSync(reportFile, JSON.stringify(report('killed')));
      process.kill(process.pid, 'SIGKILL');
    }
  } finally {
    session.disconnect();
  }
}

/** Stops the thread, reads its stack, and ends what it runs when that is of a bundle. Null: it came back by itself. */
function interrupt(session: Session, urls: ReadonlyMap<string, string>, first: boolean): Promise<readonly LoopFrame[] | null> {
  return new Promise((resolve) => {
    session.once('Debugger.paused', ({ params }) => {
      const paused = params.callFrames as unknown as readonly PausedFrame[];
      const frames = paused.slice(0, FRAMES_MAX).map((frame) => frameOf(frame, urls));
      const cameBack = Atomics.load(cells, 0) !== lastBeat;
      if (cameBack || culpritOf(frames) === null) {
        session.post('Debugger.resume');
        return resolve(cameBack ? null : frames);
      }
      const end = (): void => {
        // Not waited for: the reply comes when the thread has gone on, and it goes on with the second message.
        session.post('Runtime.terminateExecution');
        session.post('Debugger.resume');
        resolve(frames);
      };
      session.post('Debugger.evaluateOnCallFrame', { callFrameId: paused[0]?.callFrameId ?? '', expression: CLEAR_ASYNC_CONTEXT }, end);
    });
    if (first) session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
}

function frameOf({ functionName, url, location }: PausedFrame, urls: ReadonlyMap<string, string>): LoopFrame {
  const { scriptId, lineNumber, columnNumber = 0 } = location;
  return { functionName, url: urls.get(scriptId) ?? url, line: lineNumber + 1, column: columnNumber + 1 };
}

/** True when the heart beats again within a time. */
async function beats(limitMs: number): Promise<boolean> {
  const before = Atomics.load(cells, 0);
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += 20) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (Atomics.load(cells, 0) !== before) return true;
  }
  return false;
}

function tell(message: WatchdogMessage): void {
  parentPort?.postMessage(message, []);
}

// Where functions were written is known to the inspector alone.
parentPort?.on('message', ({ number, count, key }: { number: number; count: number; key: string }) => {
  const session = new Session();
  session.connectToMainThread();
  const urls = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params }) => void urls.set(params.scriptId, params.url));
  session.post('Debugger.enable');
  const places = Array.from({ length: count }, (_, at) => placeOf(session, urls, `globalThis[Symbol.for('${key}')]?.[${at}]`));
  void Promise.all(places).then((found) => {
    session.disconnect();
    tell({ type: 'placed', number, places: found });
  });
});

function placeOf(session: Session, urls: ReadonlyMap<string, string>, expression: string): Promise<Placed | null> {
  return new Promise((resolve) => {
    session.post('Runtime.evaluate', { expression }, (error, evaluated) => {
      const objectId = error === null ? evaluated.result.objectId : undefined;
      if (objectId === undefined) return resolve(null);
      session.post('Runtime.getProperties', { objectId, ownProperties: true }, (failure, properties) => {
        const place = failure === null ? properties.internalProperties?.find(({ name }) => name === '[[FunctionLocation]]') : undefined;
        const at = place?.value?.value as { scriptId: string; lineNumber: number; columnNumber: number } | undefined;
        resolve(at === undefined ? null : { url: urls.get(at.scriptId) ?? '', line: at.lineNumber + 1, column: at.columnNumber + 1 });
      });
    });
  });
}
