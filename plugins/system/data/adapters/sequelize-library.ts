/** Sequelize, loaded at its first use: it takes 200 ms, and a system whose bundles write plain statements never needs it. */

// Kept: asking for a module again costs 10 µs and more.
let library: typeof import('sequelize') | undefined;

/** The library. */
export function sequelizeLibrary(): typeof import('sequelize') {
  return (library ??= require('sequelize') as typeof import('sequelize'));
}
