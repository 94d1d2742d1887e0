/** The `console` of a bundle: writes to its log. Methods may be taken off the object, as with the real one. */
import { format, inspect } from 'node:util';
import type { LogLevel } from '@sluice/sdk';

type Print = (level: LogLevel, message: string) => void;
type Write = (...values: unknown[]) => void;

/** See the head of the file. */
export class BundleConsole {
  readonly #print: Print;

  constructor(print: Print) {
    this.#print = print;
  }

  get log(): Write {
    return this.#writer('info');
  }
  get info(): Write {
    return this.#writer('info');
  }
  get debug(): Write {
    return this.#writer('debug');
  }
  get trace(): Write {
    return this.#writer('trace');
  }
  get warn(): Write {
    return this.#writer('warn');
  }
  get error(): Write {
    return this.#writer('error');
  }
  get dir(): Write {
    return (value) => this.#print('info', inspect(value));
  }
  get table(): Write {
    return (value) => this.#print('info', inspect(value));
  }
  get assert(): Write {
    return (condition, ...values) => {
      if (condition !== true && !condition) this.#print('error', `Assertion failed: ${format(...values)}`);
    };
  }
  // Grouping, counting and timing have no place in a structured log; code that calls them still runs.
  get group(): Write {
    return this.#writer('info');
  }
  get groupEnd(): Write {
    return () => undefined;
  }
  get time(): Write {
    return () => undefined;
  }
  get timeEnd(): Write {
    return () => undefined;
  }

  #writer(level: LogLevel): Write {
    return (...values) => this.#print(level, format(...values));
  }
}
