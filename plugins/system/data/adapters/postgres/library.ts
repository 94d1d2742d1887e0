/** The PostgreSQL driver, loaded at its first use: most installations begin on SQLite. */

// Kept: asking for a module again costs 10 µs and more.
let library: typeof import('pg') | undefined;

/** The driver. */
export function postgresLibrary(): typeof import('pg') {
  return (library ??= require('pg') as typeof import('pg'));
}
