/** The neighbour of the sample bundle. */
import { defineBundle } from '@sluice/sdk';
import { Neighbour } from '../contracts.js';

export default defineBundle({
  provides: [Neighbour],

  activate(context) {
    const { symbolicName, version } = context.bundle;
    context.register(Neighbour, {
      answer: (value) => Promise.resolve({ from: `${symbolicName} ${version}`, value }),
      name: () => Promise.resolve(symbolicName),
    });
  },
});
