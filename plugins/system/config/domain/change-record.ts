/**
 * Writes down what changed: the history of a bundle, and the last good content of its operator file.
 * Always holds: the change itself is already in force, so a record that cannot be written is logged and never undoes it.
 */
import { messageOf } from '@sluice/sdk';
import { changesBetween, formatHistory } from './changes.js';
import type { FileLayer, StoreSurroundings } from './config-store.js';
import { EMPTY_FILE, formatValueFile, type Values } from './value-file.js';

/** Records changes of one store. */
export class ChangeRecord {
  readonly #around: StoreSurroundings;

  constructor(around: StoreSurroundings) {
    this.#around = around;
  }

  /** Appends what differs to the history. */
  async changed(bundle: string, layer: FileLayer, actor: string, before: Values, after: Values): Promise<void> {
    const { files, log, now, schemaOf } = this.#around;
    const changes = changesBetween(before, after, { at: now(), actor, layer, schema: schemaOf(bundle) });
    if (changes.length === 0) return;
    try {
      await files.appendHistory(bundle, formatHistory(changes));
    } catch (error) {
      const keys = changes.map((change) => change.key);
      log.error(`Cannot record a change of the configuration of '${bundle}' (${messageOf(error)}). It is in force`, {
        bundle,
        keys,
        error,
      });
    }
  }

  /** Keeps a copy of the operator's file for the day it is found broken at start. `null`: there is no file. */
  async keepAccepted(bundle: string, text: string | null): Promise<void> {
    const { files, log } = this.#around;
    try {
      await files.write('accepted', bundle, text ?? formatValueFile(EMPTY_FILE));
    } catch (error) {
      const consequence = 'It is in force; if the file is broken at the next start there is nothing to fall back to';
      log.warn(`Cannot keep a copy of the configuration of '${bundle}' (${messageOf(error)}). ${consequence}`, { bundle, error });
    }
  }
}
