/**
 * Bundle `platform.message`: the message dictionary. The words ship with the bundle; an officer changes single ones by configuration,
 * and the change holds from the next answer on, on all channels.
 */
import { Component, Context, defineBundle, Modified, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { Messages, type MessageEntry, type MessageRequest } from '@sluice/channel-api';
import { Dictionary, type EditedWords } from './domain/dictionary.js';
import { ENTRIES } from './texts/all.js';

/** Configuration of this bundle, as its manifest describes it. */
interface MessageConfig {
  /** Words in place of the shipped ones, by code and language. */
  readonly words: EditedWords;
}

@Component({ provides: Messages })
class MessageDictionary implements ServiceOf<typeof Messages> {
  private dictionary: Dictionary;

  constructor(@Context() context: BundleContext<MessageConfig>) {
    this.dictionary = new Dictionary(ENTRIES, context.config.words);
  }

  /** Takes changed words. */
  @Modified()
  configure({ words }: MessageConfig): void {
    this.dictionary = new Dictionary(ENTRIES, words);
  }

  text(request: MessageRequest): string {
    return this.dictionary.text(request);
  }

  has(code: string): boolean {
    return this.dictionary.has(code);
  }

  entries(): MessageEntry[] {
    return this.dictionary.list();
  }
}

export default defineBundle({ components: [MessageDictionary] });
