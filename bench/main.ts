/** `npm run bench [name...]`: runs the benches one after the other, each in a process of its own, so that none disturbs the next. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const BENCHES = ['install', 'process-start', 'update', 'registry', 'http', 'http-swaps', 'money'] as const;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(BENCHES as readonly string[]).includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No bench is called '${unknown.join(`', '`)}'. There are: ${BENCHES.join(', ')}\n`);
  process.exitCode = 2;
} else {
  for (const name of asked.length > 0 ? asked : BENCHES) {
    process.stdout.write(`\n${name} (Node ${process.version})\n`);
    const { status } = spawnSync(process.execPath, [join(__dirname, `${name}.js`)], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}
