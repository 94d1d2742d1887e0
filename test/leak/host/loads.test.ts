/**
 * Loading and closing a bundle leaves nothing behind: its code is collected, however many times. `SLUICE_LOADS` sets the number (default
 * 100; 1,000 is the stated figure).
 */
import 'reflect-metadata';
import { deepStrictEqual as equal } from 'node:assert';
import { createLeakWatch, forceCollection } from '@sluice/kernel/host/leak-watch';
import { createLoader } from '@sluice/kernel/host/loader';
import { requestOf, SDK } from '../../unit/host/bundle-source.js';

const LOADS = Number(process.env['SLUICE_LOADS'] ?? 100);

/** Decorated classes, a container with registrations, timers, a contract, closures over all of it. */
const RICH = `"use strict";
require('reflect-metadata');
const { Component, Reference, contract, method, Type } = require('@sluice/sdk');
const { injectable, inject, singleton, container } = require('tsyringe');
${SDK}
const Greeter = contract('test.Greeter', '1.0.0', { greet: method([Type.String()], Type.String()) });
class Store { constructor() { this.rows = new Array(100).fill('row'); } }
singleton()(Store);
class Service { constructor(store) { this.store = store; } greet(name) { return name + this.store.rows.length; } }
Reflect.defineMetadata('design:paramtypes', [Store], Service);
inject(Store)(Service, undefined, 0);
injectable()(Service);
class Guest { constructor(greeter) { this.greeter = greeter; } }
Reference(Greeter)(Guest, undefined, 0);
Component({ provides: Greeter })(Guest);
container.register('words', { useValue: { text: 'x'.repeat(1000) } });
const service = container.resolve(Service);
const ticker = setInterval(() => service.greet('tick'), 1000);
setTimeout(() => ticker.refresh(), 5000);
exports.api = { service, Guest, stop: () => clearInterval(ticker) };
module.exports.default = defineBundle({ components: [Guest], activate(context) { context.log.info(service.greet('x')); } });`;

describe('loads', function () {
  this.timeout(120_000);

  it(`lets go of all ${LOADS} revisions of a bundle with decorated classes, a container and timers`, async () => {
    const loader = createLoader();
    const watch = createLeakWatch();
    const loadAndClose = (revision: number): void => {
      const loaded = loader.load(requestOf(RICH, { revision, exports: { 'test-api': 'dist/bundle.cjs' } }));
      loaded.exportsOf('test-api');
      loaded.container.resolve('words');
      equal(loaded.pending().length, 2);
      watch.watch({ bundle: 'test.sample', version: '1.0.0', revision }, loaded.marker, loaded.markerName);
      loaded.close();
    };
    for (let revision = 1; revision <= LOADS; revision += 1) loadAndClose(revision);
    const verdicts = await watch.collect();
    equal(
      verdicts.filter((verdict) => verdict.collected !== 'yes'),
      [],
    );
    watch.close();
  });

  it('leaves no memory behind', async () => {
    const loader = createLoader();
    const round = async (): Promise<number> => {
      for (let revision = 1; revision <= LOADS; revision += 1) loader.load(requestOf(RICH, { revision })).close();
      await new Promise((resolve) => setImmediate(resolve));
      forceCollection();
      return process.memoryUsage().heapUsed;
    };
    await round();
    await round();
    const before = await round();
    const after = await round();
    // One load takes some 30 kB: a tenth of them kept would show as more.
    equal(after - before < LOADS * 3_000 + 100_000, true, `${after - before} bytes more after ${LOADS} loads`);
  });
});
