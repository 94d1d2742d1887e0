/** The data bundle without a kernel around it: its engine, its units of work, and the service of one consumer called `bench`. */
import type { DataService } from '@sluice/sdk';
import { BundleDataService } from '../../plugins/system/data/adapters/data-service.js';
import { PostgresEngine } from '../../plugins/system/data/adapters/postgres/engine.js';
import { SqliteEngine } from '../../plugins/system/data/adapters/sqlite/engine.js';
import { createSystemTables } from '../../plugins/system/data/adapters/system-tables.js';
import { Units } from '../../plugins/system/data/adapters/unit-of-work.js';
import { DEFAULT_SETTINGS } from '../../plugins/system/data/domain/settings.js';
import { SystemClock } from '@sluice/kernel/host/clock';

/** Where a database is: a file, or a schema of a server. */
export type DatabasePlace = { readonly file: string } | { readonly url: string; readonly schema: string; readonly connectionsMax: number };

/** Opens a database and gives the service on it. */
export async function dataService(where: DatabasePlace): Promise<{ data: DataService; close(): Promise<void> }> {
  const { service, close } = await dataServices(where);
  return { data: service('bench'), close };
}

/** Opens a database and gives a service on it to each bundle that asks. */
export async function dataServices(where: DatabasePlace): Promise<{ service(bundle: string): DataService; close(): Promise<void> }> {
  const clock = new SystemClock();
  const log = { info: () => undefined, warn: (message: string, fields?: object) => console.warn(message, fields) };
  const settings = { ...DEFAULT_SETTINGS, ...('url' in where ? { connectionsMax: where.connectionsMax } : {}) };
  const parts = { clock, settings, log };
  const engine = 'url' in where ? await PostgresEngine.open(where.url, parts, where.schema) : await SqliteEngine.open(where.file, parts);
  const units = new Units({ engine, clock, settings, log });
  await units.run({ bundle: 'system.data', sequelize: null }, (unit) => createSystemTables(unit, engine.dialect));
  const services: BundleDataService[] = [];
  return {
    service(bundle) {
      const data = new BundleDataService(bundle, { engine, units, clock, settings, log, contractAllowed: () => false });
      services.push(data);
      return data;
    },
    close: async () => {
      for (const data of services) await data.close();
      await engine.close();
    },
  };
}
