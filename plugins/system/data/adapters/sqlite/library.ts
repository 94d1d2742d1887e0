/** The SQLite driver, loaded at its first use: an installation on PostgreSQL needs no native code. */

/** The driver. */
export function sqliteLibrary(): typeof import('sqlite3') {
  return require('sqlite3') as typeof import('sqlite3');
}
