/** The SQLite driver, loaded at its first use: an installation on PostgreSQL needs no native code. */

// Kept: asking for a module again costs 10 µs and more.
let library: typeof import('sqlite3') | undefined;

/** The driver. */
export function sqliteLibrary(): typeof import('sqlite3') {
  return (library ??= require('sqlite3') as typeof import('sqlite3'));
}
