'use strict';
/**
 * Makes the kernel image (see host/start.ts): the compiled runtime as one file, with the packages that every start loads. Packages that are
 * native, process-wide or rarely needed stay outside and are loaded when they are used.
 */
const { writeFileSync } = require('node:fs');
const { dirname, join, relative } = require('node:path');
const { rolldown } = require('rolldown');
const { imageStamp } = require('../dist/host/start.js');

const INLINED = ['@sluice/', '@sinclair/typebox', 'tsyringe', 'tslib', 'reflect-metadata'];
const dist = join(__dirname, '../dist');

/** In one file there is one folder; a module that asks for its own gets it all the same. */
const ownFolders = {
  name: 'own-folders',
  transform(code, id) {
    if (!id.startsWith(dist) || !/[(,] ?__dirname,/.test(code)) return null;
    const folder = `require('node:path').join(__dirname, ${JSON.stringify(relative(dist, dirname(id)))})`;
    return code.replace(/(?<=[(,] ?)__dirname(?=,)/g, folder);
  },
};

async function main() {
  const bundle = await rolldown({
    input: join(dist, 'host/runtime.js'),
    cwd: join(__dirname, '..'),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !INLINED.some((name) => id.startsWith(name)),
    plugins: [ownFolders],
  });
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false });
  await bundle.close();
  writeFileSync(join(dist, 'image.cjs'), `// ${imageStamp()}\n${output[0].code}`);
}

void main();
