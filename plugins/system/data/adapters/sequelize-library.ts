/** Sequelize, loaded at its first use: it takes 200 ms, and a system whose bundles write plain statements never needs it. */

/** The library. */
export function sequelizeLibrary(): typeof import('sequelize') {
  return require('sequelize') as typeof import('sequelize');
}
