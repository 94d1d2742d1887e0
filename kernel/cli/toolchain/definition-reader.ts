/**
 * Reads definitions of built bundles in one child process, so that evaluating them cannot touch this one, and many cost one start.
 * Owns the child: close it when done. Requests are answered in order.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { DefinitionReading } from './contracts.js';
import type { EvaluationAnswer, EvaluationRequest } from './evaluation-process.js';
import { refuseIfAny } from './problem.js';

/** Longest evaluation of one bundle's module scope. A loop in it would hang the tool for ever. */
const EVALUATION_TIMEOUT_MS = 15_000;

/** The child keeps what decorators recorded; it is replaced before that adds up. */
const EVALUATIONS_PER_CHILD_MAX = 500;

/** Evaluates built bundles in a child process that is started at the first use. */
export class DefinitionReader {
  private child: ChildProcess | undefined;
  private evaluations = 0;
  private last: Promise<unknown> = Promise.resolve();

  /** Starts the child ahead of the first use, to run beside other work. */
  warm(): void {
    this.child ??= startChild();
  }

  /**
   * Derives `provides` and `requires` of a built file.
   * @throws SluiceError `BUILD_DEFINITION_MISSING`, `BUILD_DEFINITION_INVALID`, `BUILD_EVALUATION_FAILED` or `BUILD_EVALUATION_TIMEOUT`.
   */
  async read(subject: string, file: string): Promise<DefinitionReading> {
    // One at a time, so that a bundle that ends or blocks the child is the only one blamed for it.
    const answered = this.last.then(() => this.ask(file));
    this.last = answered;
    const answer = await answered;
    if ('derived' in answer) return answer.derived;
    refuseIfAny('pack', subject, [answer]);
    throw new Error('unreachable');
  }

  /** Ends the child. */
  close(): void {
    this.child?.kill();
    this.child = undefined;
  }

  private ask(file: string): Promise<EvaluationAnswer> {
    this.evaluations += 1;
    if (this.evaluations % EVALUATIONS_PER_CHILD_MAX === 0) this.close();
    const child = (this.child ??= startChild());
    const request: EvaluationRequest = { id: this.evaluations, file };
    return new Promise((resolve) => {
      const finish = (answer: EvaluationAnswer): void => {
        clearTimeout(timer);
        child.off('message', finish);
        child.off('exit', died);
        resolve(answer);
      };
      const died = (code: number | null, signal: string | null): void => {
        if (this.child === child) this.child = undefined;
        const how = signal ?? `exit code ${code}`;
        finish({ id: request.id, code: 'BUILD_EVALUATION_FAILED', message: `the bundle ended the process while it was loaded (${how})` });
      };
      const timer = setTimeout(() => {
        this.close();
        child.kill('SIGKILL');
        const message = `loading the bundle did not end within ${EVALUATION_TIMEOUT_MS / 1000} s; its module scope may contain a loop`;
        finish({ id: request.id, code: 'BUILD_EVALUATION_TIMEOUT', message });
      }, EVALUATION_TIMEOUT_MS);
      child.on('message', finish);
      child.on('exit', died);
      child.send(request);
    });
  }
}

function startChild(): ChildProcess {
  const child = fork(join(__dirname, 'evaluation-process.js'), [], {
    // A bundle must not depend on the environment of whoever packs it.
    env: { PATH: process.env['PATH'] },
    execArgv: [],
    serialization: 'json',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  // While an answer is awaited, its timer keeps this process alive; an idle child must not.
  child.unref();
  child.channel?.unref();
  return child;
}
