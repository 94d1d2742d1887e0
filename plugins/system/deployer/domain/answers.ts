/**
 * Which content of each file has had its answer, over restarts. Kept in the data folder, not beside the files: the watched folder may be
 * read-only, and an old version lying in it must not be deployed again at every start.
 */
import { messageOf, type Logger } from '@sluice/sdk';

/** Where answers are kept. */
export interface StatePort {
  read(): Promise<string | null>;
  write(text: string): Promise<void>;
}

/** Digests by file name, for one folder. */
export class Answers {
  readonly #port: StatePort;
  readonly #folder: string;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #digests: Map<string, string>;

  private constructor(port: StatePort, folder: string, log: Pick<Logger, 'warn'>, digests: Map<string, string>) {
    this.#port = port;
    this.#folder = folder;
    this.#log = log;
    this.#digests = digests;
  }

  /** @param folder path of the watched folder: answers about another one do not count. */
  static async load(port: StatePort, folder: string, log: Pick<Logger, 'warn'>): Promise<Answers> {
    const text = await port.read();
    return new Answers(port, folder, log, text === null ? new Map() : parse(text, folder, log));
  }

  /** The content that has had its answer. */
  of(name: string): string | undefined {
    return this.#digests.get(name);
  }

  names(): readonly string[] {
    return [...this.#digests.keys()];
  }

  async set(name: string, digest: string): Promise<void> {
    this.#digests.set(name, digest);
    await this.#save();
  }

  async delete(name: string): Promise<void> {
    if (this.#digests.delete(name)) await this.#save();
  }

  async #save(): Promise<void> {
    const answers = Object.fromEntries([...this.#digests].sort(([a], [b]) => (a < b ? -1 : 1)));
    try {
      await this.#port.write(`${JSON.stringify({ folder: this.#folder, answers }, null, 2)}\n`);
    } catch (error) {
      const consequence = 'After a restart a file whose content is not the installed one would be deployed again';
      this.#log.warn(`Cannot keep which files were deployed (${messageOf(error)}). ${consequence}`, {
        code: 'DEPLOY_STATE_UNWRITABLE',
        error,
      });
    }
  }
}

function parse(text: string, folder: string, log: Pick<Logger, 'warn'>): Map<string, string> {
  try {
    const state = JSON.parse(text) as { folder: string; answers: Record<string, string> };
    return new Map(state.folder === folder ? Object.entries(state.answers) : []);
  } catch (error) {
    log.warn(`The list of deployed files cannot be read (${messageOf(error)}). Files whose content is not installed are deployed again`, {
      code: 'DEPLOY_STATE_UNREADABLE',
    });
    return new Map();
  }
}
