/**
 * One look after the other at the watched folder: what is ready is deployed, and each file gets its answer beside it.
 * Owned here: the order of looking, deploying and telling. Leaves files, archives and the kernel to ports.
 * Always holds: a content is answered once, also over a restart; a file that is still being written, was announced twice or not at
 * all makes no difference; nothing is deployed after the folder was stopped or by a revision that is not the current one.
 */
import { codeOf, isSluiceError, messageOf, type DeployOutcome, type FrameworkService, type Logger } from '@sluice/sdk';
import type { Answers } from './answers.js';
import { Candidates, type Candidate, type Listed } from './candidates.js';
import { deployFiles, type ReadyFile } from './deploy-plan.js';
import { answerOf, type FileAnswer, type FileStatus } from './file-status.js';
import type { Completeness } from './tar-walk.js';

/** The files of the folder. */
export interface FolderFiles {
  /** All artifacts. Rejects when the folder cannot be read: an unmounted disk is no empty folder. */
  list(): Promise<readonly Listed[]>;
  /** Content of a file, null when it is gone. */
  read(name: string): Promise<Uint8Array | null>;
  /** The signature file of an artifact, null when there is none. Its coming changes the stamp of the artifact. */
  readSignatures(name: string): Promise<Uint8Array | null>;
  writeStatus(name: string, text: string): Promise<void>;
  removeStatus(name: string): Promise<void>;
}

/** What the folder needs from its surroundings. */
export interface FolderSurroundings {
  readonly files: FolderFiles;
  readonly framework: Pick<FrameworkService, 'deploy' | 'uninstall' | 'bundles'>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Reads what was answered before. Called once, when the folder is first worked on: until then another revision may be answering. */
  loadAnswers(): Promise<Answers>;
  inspect(content: Uint8Array): Promise<Completeness>;
  digest(content: Uint8Array): string;
  now(): number;
  monotonic(): number;
  /** True while this revision of the bundle is the current one. */
  owns(): boolean;
}

/** Settings that change while running. */
export interface FolderSettings {
  readonly incompleteReportMs: number;
  readonly uninstallOnRemove: boolean;
  readonly probationMs?: number;
}

/** Largest artifact; the kernel takes no larger one. */
const ARTIFACT_BYTES_MAX = 67_108_864;
/** Between the digest of a content and that of its signatures. */
const SIGNED = '+';
/** Files deployed in one plan; further ones come with the next look. */
const FILES_MAX = 50;

/** The watched folder. */
export class DeployFolder {
  readonly #around: FolderSurroundings;
  readonly #candidates = new Candidates();
  #settings: FolderSettings;
  #stopped = false;
  #trouble = '';
  #answers: Answers | null = null;
  #soughtRemoved = false;

  constructor(around: FolderSurroundings, settings: FolderSettings) {
    this.#around = around;
    this.#settings = settings;
  }

  configure(settings: FolderSettings): void {
    this.#settings = settings;
  }

  /** Deploys nothing more. Does not wait for a deploy under way: it may be the one that replaces this very bundle. */
  stop(): void {
    this.#stopped = true;
  }

  /** One look. Never rejects. */
  async scan(): Promise<'settled' | 'settling'> {
    if (this.#stopped || !this.#around.owns()) return 'settled';
    try {
      const settling = await this.#look();
      this.#trouble = '';
      return settling ? 'settling' : 'settled';
    } catch (error) {
      this.#report(error);
      return 'settled';
    }
  }

  async #look(): Promise<boolean> {
    const { files, loadAnswers } = this.#around;
    const listing = await files.list();
    const answers = (this.#answers ??= await loadAnswers());
    const ready: ReadyFile[] = [];
    let settling = false;
    for (const listed of this.#candidates.toLookAt(listing)) {
      if (ready.length >= FILES_MAX) {
        settling = true;
        break;
      }
      const found = await this.#lookInto(answers, listed, listed.candidate);
      if (found === 'settling') settling = true;
      else if (found !== 'nothing') ready.push(found);
    }
    if (ready.length > 0) await this.#deploy(answers, ready);
    const gone = this.#candidates.gone(listing);
    // At first, what was removed while nobody looked.
    const removed = !this.#soughtRemoved ? answers.names().filter((name) => listing.every((one) => one.name !== name)) : gone.names;
    this.#soughtRemoved = true;
    for (const name of removed) await this.#removed(answers, name);
    return settling || gone.settling;
  }

  async #lookInto(answers: Answers, { name, stamp, bytes }: Listed, candidate: Candidate): Promise<ReadyFile | 'settling' | 'nothing'> {
    const tooLarge = bytes > ARTIFACT_BYTES_MAX;
    // A file too large to be read is known by its stamp alone.
    const content = tooLarge ? new Uint8Array() : await this.#around.files.read(name);
    if (content === null) return 'settling';
    const contentDigest = tooLarge ? `too large: ${stamp}` : this.#around.digest(content);
    const signatures = await this.#around.files.readSignatures(name);
    // A content that was refused for want of signatures is another question once they are there.
    const digest = signatures === null ? contentDigest : `${contentDigest}${SIGNED}${this.#around.digest(signatures)}`;
    if (!this.#candidates.isSettled(candidate, stamp, digest)) return 'settling';
    if (answers.of(name) === digest) {
      candidate.resting = true;
      return 'nothing';
    }
    // Installed in another way, or the process ended between the deploy and its answer.
    if (this.#around.framework.bundles().some((bundle) => bundle.digest === contentDigest)) {
      await this.#answer(answers, name, digest, { outcome: 'committed' });
      return 'nothing';
    }
    const completeness = tooLarge ? { bad: `${bytes} bytes, more than ${ARTIFACT_BYTES_MAX}` } : await this.#around.inspect(content);
    if (completeness === 'complete') return { name, digest, content, signatures };
    if (completeness === 'incomplete') await this.#incomplete(candidate, digest);
    else await this.#bad(answers, candidate, digest, completeness.bad);
    return 'nothing';
  }

  async #deploy(answers: Answers, ready: readonly ReadyFile[]): Promise<void> {
    const { framework, owns } = this.#around;
    const { probationMs } = this.#settings;
    if (this.#stopped || !owns()) return;
    for (const { name, digest } of ready) await this.#write(name, digest, { outcome: 'deploying' });
    try {
      await deployFiles(
        ready,
        (artifacts, options) => framework.deploy(artifacts, options),
        probationMs === undefined ? {} : { watchMs: probationMs },
        (file, outcome) => this.#deployed(answers, file, outcome),
      );
    } catch (error) {
      // The kernel did not judge these files, so they are tried again with the next look; why is written beside them.
      for (const { name, digest } of ready) {
        if (answers.of(name) === digest) continue;
        await this.#write(name, digest, { outcome: 'deferred', error: { code: codeOf(error), message: messageOf(error) } });
      }
      throw error;
    }
  }

  async #deployed(answers: Answers, { name, digest }: ReadyFile, outcome: DeployOutcome): Promise<void> {
    await this.#answer(answers, name, digest, answerOf(outcome));
    const { log } = this.#around;
    const fields = { file: name, digest: contentDigestOf(digest), deployId: outcome.deployId, generation: outcome.generation };
    if (outcome.error === undefined) log.info(`'${name}' is deployed`, fields);
    else log.error(`'${name}' was not deployed: ${outcome.error.message}`, { ...fields, code: outcome.error.code });
  }

  async #bad(answers: Answers, candidate: Candidate, digest: string, found: string): Promise<void> {
    const message = `'${candidate.name}' is no artifact: found ${found}, expected a gzip-compressed tar archive as 'sluice pack' writes it`;
    await this.#answer(answers, candidate.name, digest, { outcome: 'refused', error: { code: 'ARTIFACT_UNREADABLE', message } });
    this.#around.log.error(`${message}. It is not looked at again until it changes`, { code: 'ARTIFACT_UNREADABLE', file: candidate.name });
  }

  async #incomplete(candidate: Candidate, digest: string): Promise<void> {
    const now = this.#around.monotonic();
    candidate.incompleteSince ??= now;
    if (candidate.incompleteReported || now - candidate.incompleteSince < this.#settings.incompleteReportMs) return;
    candidate.incompleteReported = true;
    candidate.resting = true;
    const message = `'${candidate.name}' has been incomplete and unchanged for ${now - candidate.incompleteSince} ms`;
    await this.#write(candidate.name, digest, { outcome: 'incomplete', error: { code: 'ARTIFACT_INCOMPLETE', message } });
    this.#around.log.warn(`${message}. It is taken when the rest arrives; copy it again when that will not happen`, {
      code: 'ARTIFACT_INCOMPLETE',
      file: candidate.name,
    });
  }

  async #removed(answers: Answers, name: string): Promise<void> {
    const { files, framework, log } = this.#around;
    const digest = answers.of(name);
    await answers.delete(name);
    await files.removeStatus(name);
    // What was meanwhile replaced in another way is not the file's any more.
    const bundle = digest === undefined ? undefined : framework.bundles().find((one) => one.digest === contentDigestOf(digest));
    if (!this.#settings.uninstallOnRemove || bundle === undefined || this.#stopped) return;
    const outcome = await framework.uninstall?.(bundle.symbolicName, { actor: `folder:${name}` });
    const fields = { file: name, bundle: bundle.symbolicName };
    if (outcome?.error === undefined) log.info(`'${bundle.symbolicName}' is uninstalled, since '${name}' was removed`, fields);
    else
      log.error(`'${bundle.symbolicName}' was not uninstalled after '${name}' was removed: ${outcome.error.message}`, {
        ...fields,
        code: outcome.error.code,
      });
  }

  /** Keeps and tells the final answer of a content. */
  async #answer(answers: Answers, name: string, digest: string, answer: FileAnswer): Promise<void> {
    // After the switch to another revision the files are that one's; it finds the content installed.
    if (this.#stopped || !this.#around.owns()) return;
    const candidate = this.#candidates.get(name);
    if (candidate !== undefined) candidate.resting = true;
    await answers.set(name, digest);
    await this.#write(name, digest, answer);
  }

  async #write(name: string, digest: string, answer: FileAnswer): Promise<void> {
    const { files, framework, log, now, owns } = this.#around;
    if (this.#stopped || !owns()) return;
    const bundle = framework.bundles().find((one) => one.digest === contentDigestOf(digest));
    const full: FileStatus = {
      file: name,
      digest: contentDigestOf(digest),
      ...answer,
      at: new Date(now()).toISOString(),
      ...(bundle === undefined ? {} : { bundle: { symbolicName: bundle.symbolicName, version: bundle.version } }),
    };
    try {
      await files.writeStatus(name, `${JSON.stringify(full, null, 2)}\n`);
    } catch (error) {
      log.warn(`Cannot write the status of '${name}' (${messageOf(error)}): ${answer.outcome}`, { file: name, error });
    }
  }

  #report(error: unknown): void {
    const text = messageOf(error);
    if (text === this.#trouble) return;
    this.#trouble = text;
    this.#around.log.error(`The deploy folder cannot be worked on: ${text}. It is tried again with each look`, {
      code: isSluiceError(error) ? error.code : 'DEPLOY_FOLDER_TROUBLE',
      error,
    });
  }
}

function contentDigestOf(answered: string): string {
  return answered.split(SIGNED)[0] ?? answered;
}
