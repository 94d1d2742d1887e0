/**
 * The operator and run-time layers of every bundle: reads them, follows their files, writes run-time values, records what changed.
 * Owned here: which content counts. The kernel merges and checks; files are behind a port.
 * Always holds: a file that cannot be read never replaces values that could; each change is recorded once; one bundle's
 * reads and writes follow each other in order.
 */
import { messageOf, type ConfigChange, type ConfigLayerValues, type ConfigSourceService, type Logger } from '@sluice/sdk';
import { ChangeRecord } from './change-record.js';
import { canonical, parseHistory } from './changes.js';
import { checkBundleName, fileInvalid, isConfigurationName, keyLocked, keyInvalid, writeFailed } from './config-errors.js';
import { applied, isSet, unlocked } from './layers.js';
import { Looks } from './looks.js';
import { bundleOf, targetedName } from './targets.js';
import { holdsReference, resolveReferences, type SecretPort } from './references.js';
import {
  EMPTY_FILE,
  formatValueFile,
  isMistake,
  keyMistake,
  parseValueFile,
  type FileMistake,
  type ValueFile,
  type Values,
} from './value-file.js';

/** The two layers kept in files. */
export type FileLayer = 'operator' | 'runtime';

const LAYERS: readonly FileLayer[] = ['operator', 'runtime'];

/** Kinds of files: the layers, and the copies of the last good content of the operator's files. */
export type FileKind = FileLayer | 'accepted';

/** The files of the store. */
export interface ConfigFiles {
  /** Symbolic names of all bundles with a file of a kind. */
  names(kind: FileKind): Promise<readonly string[]>;
  /** Text of a file, null when there is none. */
  read(kind: FileKind, bundle: string): Promise<string | null>;
  /** Replaces a file durably and in one step. */
  write(kind: FileKind, bundle: string, text: string): Promise<void>;
  appendHistory(bundle: string, lines: string): Promise<void>;
  history(bundle: string): Promise<string>;
  /** Path for messages. */
  path(kind: FileKind, bundle: string): string;
}

/** What the store needs from its surroundings. */
export interface StoreSurroundings {
  readonly files: ConfigFiles;
  readonly secrets: SecretPort;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  now(): number;
  digest(text: string): string;
  /** What lays values over those of the files. */
  readonly plugins?: { layer(bundle: string, values: Values): Promise<ConfigLayerValues | undefined> };
  /** Schema of a bundle's configuration; undefined when the bundle is not installed or has none. */
  schemaOf(bundle: string): Readonly<Record<string, unknown>> | undefined;
}

/** Newest records that `history` returns. */
const HISTORY_RECORDS_MAX = 1_000;
/** Actor of changes made in the files by hand. */
const FILE_ACTOR = 'file';

interface BundleState {
  readonly layers: Record<FileLayer, ValueFile>;
  /** The operator's file was changed while nobody looked. */
  readonly changedUnseen: boolean;
  /** Digest of the resolved values, to notice that a secret behind a reference changed. */
  resolved: string | null;
}

/** The configuration source over files. */
export class ConfigStore implements ConfigSourceService {
  readonly #around: StoreSurroundings;
  readonly #states = new Map<string, Promise<BundleState>>();
  readonly #queues = new Map<string, Promise<unknown>>();
  readonly #looks = new Looks();
  readonly #watchers = new Set<(bundle: string) => void>();
  /** Bundles that were asked for and could not be read. */
  readonly #refused = new Set<string>();
  readonly #record: ChangeRecord;
  #isFirstScan = true;

  constructor(around: StoreSurroundings) {
    this.#around = around;
    this.#record = new ChangeRecord(around);
  }

  async layers(bundle: string, version?: string): Promise<readonly ConfigLayerValues[]> {
    checkBundleName(bundle);
    const layers = await this.#inOrder(bundle, async () => {
      const state = await this.#stateOf(bundle);
      const file = (await this.#targeted(bundle, version)) ?? state.layers.operator;
      const operator = await this.#resolved(bundle, 'operator', file.values);
      const runtime = await this.#resolved(bundle, 'runtime', unlocked(file, state.layers.runtime));
      state.resolved = this.#around.digest(canonical([operator.values, runtime.values]));
      return [operator, runtime];
    });
    // Not in the queue: plugins are foreign code, and one may well ask for a configuration.
    const laidOver = await this.#around.plugins?.layer(bundle, Object.assign({}, ...layers.map(({ values }) => values)) as Values);
    return laidOver === undefined ? layers : [...layers, laidOver];
  }

  /** The operator's file for one version, when there is one with anything in it. */
  async #targeted(bundle: string, version: string | undefined): Promise<ValueFile | undefined> {
    if (version === undefined) return undefined;
    const name = targetedName(bundle, version);
    if (!isConfigurationName(name)) return undefined;
    const { operator } = (await this.#stateOf(name)).layers;
    return operator === EMPTY_FILE ? undefined : operator;
  }

  /** Tells that a bundle may have other values, for another reason than its files. */
  touch(bundle: string): void {
    this.#notify(bundle);
  }

  watch(changed: (bundle: string) => void): () => void {
    // A wrapper, so that watching twice with one function means two watches.
    const watcher = (bundle: string): void => changed(bundle);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  async set(bundle: string, values: Values, actor: string): Promise<void> {
    checkBundleName(bundle);
    await this.#inOrder(bundle, () => this.#set(bundle, values, actor));
    this.#notify(bundle);
  }

  async history(bundle: string): Promise<readonly ConfigChange[]> {
    checkBundleName(bundle);
    return parseHistory(await this.#around.files.history(bundle), HISTORY_RECORDS_MAX);
  }

  resolve(bundle: string, values: Values): Promise<Values> {
    return resolveReferences(bundle, values, this.#around.secrets);
  }

  /** Looks at every file once. Says whether one needs a second look. */
  async scan(): Promise<'settled' | 'settling'> {
    try {
      const { files } = this.#around;
      // A thousand bundles without files cost two listings, not two thousand reads.
      const known = [...this.#states.keys()].filter((bundle) => LAYERS.some((layer) => !this.#looks.isMissing(`${layer}/${bundle}`)));
      const names = new Set([...known, ...(await files.names('operator')), ...(await files.names('runtime'))]);
      // At first, also files that were removed while nobody looked.
      if (this.#isFirstScan) for (const name of await files.names('accepted')) names.add(name);
      this.#isFirstScan = false;
      let settling = false;
      for (const bundle of names) if ((await this.#look(bundle)) === 'settling') settling = true;
      return settling ? 'settling' : 'settled';
    } catch (error) {
      this.#around.log.error(`Cannot look at the configuration files: ${messageOf(error)}. The values known so far stay in force`, {
        error,
      });
      return 'settled';
    }
  }

  async #set(bundle: string, changes: Values, actor: string): Promise<void> {
    const { files, digest } = this.#around;
    const state = await this.#stateOf(bundle);
    for (const key of Object.keys(changes)) {
      const mistake = keyMistake(key);
      if (mistake !== undefined) throw keyInvalid(bundle, mistake);
      // Removing what a lock already overrules is harmless and leaves one owner.
      if (state.layers.operator.locked.includes(key) && isSet(changes[key])) throw keyLocked(bundle, key, files.path('operator', bundle));
    }
    const before = state.layers.runtime;
    const after: ValueFile = { values: applied(before.values, changes), locked: before.locked };
    const text = formatValueFile(after);
    try {
      await files.write('runtime', bundle, text);
    } catch (error) {
      throw writeFailed(bundle, files.path('runtime', bundle), error);
    }
    this.#looks.accept(`runtime/${bundle}`, digest(text));
    // Read back from the text: what a later start will see is what counts from now on.
    state.layers.runtime = parseValueFile(text) as ValueFile;
    await this.#record.changed(bundle, 'runtime', actor, before.values, state.layers.runtime.values);
  }

  async #look(bundle: string): Promise<'settled' | 'settling'> {
    const verdicts: string[] = [];
    let changed = false;
    await this.#inOrder(bundle, async () => {
      if (!this.#states.has(bundle)) {
        // Unknown until now: nobody asked yet, or who asked was refused. When it cannot be read, that is said when somebody asks.
        const wasRefused = this.#refused.has(bundle);
        const state = await this.#stateOf(bundle).catch(() => null);
        // Without a refusal, news only when the file changed since a revision before this one looked.
        changed = state !== null && (wasRefused || state.changedUnseen);
        return;
      }
      for (const layer of LAYERS) {
        const text = await this.#around.files.read(layer, bundle);
        const verdict = this.#looks.judge(`${layer}/${bundle}`, text === null ? null : this.#around.digest(text));
        verdicts.push(verdict);
        if (verdict === 'accept' && (await this.#accept(bundle, layer, text))) changed = true;
      }
      changed ||= await this.#secretChanged(bundle);
    });
    if (changed) this.#notify(bundle);
    return verdicts.includes('settling') ? 'settling' : 'settled';
  }

  /** Takes over a settled content. False when it cannot be read or says the same. */
  async #accept(bundle: string, layer: FileLayer, text: string | null): Promise<boolean> {
    const file = text === null ? EMPTY_FILE : parseValueFile(text);
    if (isMistake(file)) {
      this.#warn(bundle, layer, file, 'The values before stay in force');
      return false;
    }
    const state = await this.#stateOf(bundle);
    const before = state.layers[layer];
    state.layers[layer] = file;
    await this.#record.changed(bundle, layer, FILE_ACTOR, before.values, file.values);
    if (layer === 'operator') await this.#record.keepAccepted(bundle, text);
    return canonical(before) !== canonical(file);
  }

  #stateOf(bundle: string): Promise<BundleState> {
    let state = this.#states.get(bundle);
    if (state === undefined) {
      state = this.#load(bundle);
      this.#states.set(bundle, state);
      // A failed first look is no state: the next one tries again.
      state.then(
        () => this.#refused.delete(bundle),
        () => {
          this.#states.delete(bundle);
          this.#refused.add(bundle);
        },
      );
    }
    return state;
  }

  async #load(bundle: string): Promise<BundleState> {
    const operator = await this.#firstLook(bundle, 'operator');
    const runtime = await this.#firstLook(bundle, 'runtime');
    return { layers: { operator: operator.file, runtime: runtime.file }, changedUnseen: operator.changed, resolved: null };
  }

  async #firstLook(bundle: string, layer: FileLayer): Promise<{ readonly file: ValueFile; readonly changed: boolean }> {
    const { files, digest } = this.#around;
    const text = await files.read(layer, bundle);
    const file = text === null ? EMPTY_FILE : parseValueFile(text);
    const kept = layer === 'operator' ? await files.read('accepted', bundle) : null;
    const lastGood = kept === null ? EMPTY_FILE : parseValueFile(kept);
    let changed = false;
    if (isMistake(file)) {
      if (kept === null || isMistake(lastGood)) throw fileInvalid(bundle, layer, files.path(layer, bundle), file);
      this.#warn(bundle, layer, file, 'The last good content is used');
    } else if (layer === 'operator') {
      // What differs from the last good content was changed while nobody looked.
      const before = isMistake(lastGood) ? EMPTY_FILE : lastGood;
      changed = canonical(before) !== canonical(file);
      if (changed) {
        await this.#record.changed(bundle, layer, FILE_ACTOR, before.values, file.values);
        await this.#record.keepAccepted(bundle, text);
      }
    }
    this.#looks.accept(`${layer}/${bundle}`, text === null ? null : digest(text));
    return { file: isMistake(file) ? (lastGood as ValueFile) : file, changed };
  }

  #warn(bundle: string, layer: FileLayer, mistake: FileMistake, consequence: string): void {
    const path = this.#around.files.path(layer, bundle);
    this.#around.log.warn(
      `Cannot read the ${layer} configuration of '${bundle}': found ${mistake.found}, expected ${mistake.expected}. ${consequence}; correct '${path}'`,
      { code: 'CONFIG_FILE_INVALID', bundle, layer, path },
    );
  }

  async #secretChanged(bundle: string): Promise<boolean> {
    const state = await this.#stateOf(bundle);
    const values = [state.layers.operator.values, unlocked(state.layers.operator, state.layers.runtime)] as const;
    if (!values.some(holdsReference)) return false;
    try {
      const resolved = await Promise.all(values.map((part) => resolveReferences(bundle, part, this.#around.secrets)));
      const digest = this.#around.digest(canonical(resolved));
      if (state.resolved !== null) return digest !== state.resolved;
      // Nobody asked this revision yet; who asked the one before got what is there now.
      state.resolved = digest;
      return false;
    } catch {
      // A secret that is gone for the moment is no change; the values in force stay, and a restart reports it.
      return false;
    }
  }

  async #resolved(bundle: string, layer: FileLayer, stored: Values): Promise<ConfigLayerValues> {
    if (!holdsReference(stored)) return { layer, values: stored };
    return { layer, values: await resolveReferences(bundle, stored, this.#around.secrets), stored };
  }

  #notify(name: string): void {
    const bundle = bundleOf(name);
    for (const watcher of this.#watchers) {
      try {
        watcher(bundle);
      } catch (error) {
        this.#around.log.error(`A listener of configuration changes failed: ${messageOf(error)}`, { bundle, error });
      }
    }
  }

  #inOrder<T>(bundle: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#queues.get(bundle) ?? Promise.resolve()).then(work, work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#queues.set(bundle, settled);
    void settled.then(() => {
      if (this.#queues.get(bundle) === settled) this.#queues.delete(bundle);
    });
    return result;
  }
}
