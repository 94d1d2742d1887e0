/** The PostgreSQL driver, loaded at its first use: most installations begin on SQLite. */

/** The driver. */
export function postgresLibrary(): typeof import('pg') {
  return require('pg') as typeof import('pg');
}
