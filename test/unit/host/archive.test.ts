/** Promises of the archive reader: reads what npm writes, refuses everything that could be understood in two ways, and says where. */
import { deepStrictEqual as equal, throws } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { readArchive, writeArchive } from '@sluice/kernel/host/archive';
import { entryBlocks, extendedRecord, headerBlock } from '@sluice/kernel/host/archive-writer';
import { gzipPlain } from '@sluice/kernel/host/gzip';
import type { ArchiveLimits } from '@sluice/kernel/host/ports';
import { parseStrictJson } from '@sluice/kernel/host/strict-json';
import { temporaryFolders } from './temporary-folder.js';

/** The tar package that npm packs and unpacks with; it comes with a dependency of the kernel. */
const npmTar = createRequire(require.resolve('sqlite3'))('tar') as {
  create(options: object, files: readonly string[]): Promise<void>;
  extract(options: object): Promise<void>;
};
const PACKAGE_JSON = '{"name":"sample","version":"1.0.0"}';
const END = Buffer.alloc(1024);
const manifest = entryBlocks('package/package.json', Buffer.from(PACKAGE_JSON));
const tar = (...blocks: Uint8Array[]): Buffer => gzipPlain(Buffer.concat([...manifest, ...blocks, END]));
const file = (path: string, content = 'x'): Buffer[] => entryBlocks(path, Buffer.from(content));

function refuses(archive: Uint8Array, code: string, details: Record<string, unknown> = {}, limits: Partial<ArchiveLimits> = {}): void {
  throws(
    () => readArchive(archive, limits),
    (error: { code?: string; details?: Record<string, unknown> }) => {
      equal([error.code, ...Object.keys(details).map((key) => error.details?.[key])], [code, ...Object.values(details)]);
      equal(typeof error.details?.['offset'], 'number');
      return true;
    },
  );
}

describe('archive reader', () => {
  const newFolder = temporaryFolders();

  it('reads what npm pack writes, long and non-ASCII names included', async () => {
    const folder = await newFolder();
    const long = `public/${'l'.repeat(120)}.txt`;
    await mkdir(`${folder}/public`);
    await writeFile(`${folder}/package.json`, PACKAGE_JSON);
    await writeFile(`${folder}/${long}`, 'long');
    await writeFile(`${folder}/public/ünï.txt`, 'unicode');
    // What `npm pack` does, without starting npm.
    const options = { cwd: folder, prefix: 'package/', portable: true, gzip: { level: 9 }, mtime: new Date('1985-10-26T08:15:00.000Z') };
    await npmTar.create({ ...options, file: `${folder}/sample-1.0.0.tgz` }, ['package.json', long, 'public/ünï.txt']);
    const { packageJson, entries } = readArchive(await readFile(`${folder}/sample-1.0.0.tgz`));
    equal(packageJson, { name: 'sample', version: '1.0.0' });
    equal(Object.fromEntries([...entries].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])), {
      'package.json': PACKAGE_JSON,
      [long]: 'long',
      'public/ünï.txt': 'unicode',
    });
  });

  it('accepts a file name in the gzip header, as gzip(1) writes it', () => {
    const plain = writeArchive({ 'package.json': PACKAGE_JSON });
    const named = Buffer.concat([
      plain.subarray(0, 3),
      Buffer.from([8]),
      plain.subarray(4, 10),
      Buffer.from('a.tar\0'),
      plain.subarray(10),
    ]);
    equal([...readArchive(named).entries.keys()], ['package.json']);
  });

  it('reads what it accepted before the same way without checking it again', () => {
    const plain = { 'package.json': PACKAGE_JSON, 'dist/bundle.cjs': 'x'.repeat(2_000), 'public/empty.txt': '' };
    const archives = [
      writeArchive(plain),
      writeArchive({ ...plain, [`public/${'l'.repeat(150)}.txt`]: 'long' }),
      writeArchive({ ...plain, 'public/ünï.txt': 'unicode' }),
    ];
    for (const archive of archives) {
      const [checked, known] = [readArchive(archive), readArchive(archive, { known: true })];
      equal([known.packageJson, [...known.entries]], [checked.packageJson, [...checked.entries]]);
    }
  });

  describe('refuses names', () => {
    const hostile: Record<string, string> = {
      'that climb': 'package/../../etc/cron.d/x',
      'that climb and come back': 'package/a/../b',
      'that are absolute': '/etc/passwd',
      'outside of package/': 'other/x',
      'with a backslash': 'package/a\\..\\b',
      'with an empty segment': 'package/a//b',
      'with a dot segment': 'package/./b',
      'of folders': 'package/dist/',
      'with a control character': 'package/a\nb',
      'that change the direction of text': 'package/a\u202egpj.exe',
      'with an invisible character': 'package/a\u200bb',
      'that are too long': `package/${'x/'.repeat(117)}y`,
    };
    for (const [what, path] of Object.entries(hostile)) {
      it(what, () => refuses(tar(...file(path)), 'ARCHIVE_NAME', { path, offset: 1024 }));
    }

    it('in an extended header just as in a plain one', () => {
      const record = extendedRecord('path', 'package/../x');
      const blocks = [headerBlock('x', '', record.length, 'x'), record, Buffer.alloc(512 - record.length), ...file('package/fine')];
      refuses(tar(...blocks), 'ARCHIVE_NAME', { path: 'package/../x' });
    });

    it('that are not UTF-8', () => {
      const header = headerBlock('package/ab', '', 0, '0');
      header[9] = 0xff;
      refuses(tar(withChecksum(header)), 'ARCHIVE_NAME', { offset: 1024 });
    });

    it('with bytes hidden behind their end', () => {
      const header = headerBlock('package/ab', '', 0, '0');
      header.write('hidden', 20);
      refuses(tar(withChecksum(header)), 'ARCHIVE_HEADER', { offset: 1034 });
    });
  });

  describe('refuses two entries that could fall on one file', () => {
    const pairs: Record<string, [string, string]> = {
      'of the same name': ['package/a', 'package/a'],
      'differing in case': ['package/README', 'package/readme'],
      'differing in Unicode form': ['package/é', 'package/e\u0301'],
      'differing in a ligature or sharp s': ['package/straße', 'package/STRASSE'],
      'a file and a folder': ['package/a', 'package/a/b'],
      'a folder and a file': ['package/a/b', 'package/A'],
    };
    for (const [what, [first, second]] of Object.entries(pairs)) {
      it(what, () => refuses(tar(...file(first), ...file(second)), 'ARCHIVE_DUPLICATE', { path: second.slice('package/'.length) }));
    }
  });

  describe('refuses entries that are not regular files', () => {
    for (const [type, what] of Object.entries({
      1: 'hard link',
      2: 'symbolic link',
      3: 'character device',
      4: 'block device',
      5: 'folder',
      6: 'pipe',
    })) {
      it(what, () =>
        refuses(tar(headerBlock('package/x', '', 0, type, '/etc/passwd')), 'ARCHIVE_ENTRY_TYPE', { path: 'package/x', found: type }),
      );
    }
    for (const [type, what] of Object.entries({
      L: 'GNU long name',
      K: 'GNU long link',
      S: 'GNU sparse',
      g: 'global header',
      7: 'contiguous',
    })) {
      it(what, () => refuses(tar(headerBlock('package/x', '', 0, type)), 'ARCHIVE_ENTRY_TYPE', { found: type }));
    }
    it('regular files with a link target', () => {
      refuses(tar(headerBlock('package/x', '', 0, '0', '/etc/passwd')), 'ARCHIVE_ENTRY_TYPE', { path: 'package/x' });
    });
  });

  describe('refuses headers', () => {
    const header = (change: (block: Buffer) => void): Buffer => {
      const block = headerBlock('package/x', '', 0, '0');
      change(block);
      return withChecksum(block);
    };
    it('with a wrong checksum', () => {
      const block = headerBlock('package/x', '', 0, '0');
      block[0] = 0x71;
      refuses(tar(block), 'ARCHIVE_HEADER', { offset: 1024 });
    });
    it('of GNU tar and of old tar', () => {
      refuses(tar(header((block) => block.write('ustar  \0', 257, 'latin1'))), 'ARCHIVE_HEADER', { offset: 1024 + 257 });
      refuses(tar(header((block) => block.fill(0, 257, 265))), 'ARCHIVE_HEADER', { offset: 1024 + 257 });
    });
    it('with a size in base 256 or not octal', () => {
      refuses(tar(header((block) => block.fill(0x80, 124, 125))), 'ARCHIVE_HEADER', { offset: 1024 + 124 });
      refuses(tar(header((block) => block.write('00000000009\0', 124))), 'ARCHIVE_HEADER', { offset: 1024 + 124 });
      refuses(tar(header((block) => block.write('-0000000001\0', 124))), 'ARCHIVE_HEADER', { offset: 1024 + 124 });
    });
    const extended = (record: Buffer, ...after: Buffer[]): Buffer =>
      tar(headerBlock('x', '', record.length, 'x'), record, Buffer.alloc(512 - record.length), ...after);
    it('extended, with a size that differs from the plain one', () => {
      refuses(extended(extendedRecord('size', '5'), ...file('package/x')), 'ARCHIVE_HEADER', { found: '5' });
    });
    it('extended, with keys that change what is read', () => {
      for (const key of ['linkpath', 'GNU.sparse.name', 'hdrcharset', 'SCHILY.realsize']) {
        refuses(extended(extendedRecord(key, 'x'), ...file('package/x')), 'ARCHIVE_HEADER', { found: key });
      }
    });
    it('extended, with a key given twice, a wrong length, or no entry behind', () => {
      const twice = Buffer.concat([extendedRecord('path', 'package/a'), extendedRecord('path', 'package/b')]);
      refuses(extended(twice, ...file('package/x')), 'ARCHIVE_HEADER', { found: 'path' });
      refuses(extended(Buffer.from('99 path=x\n'), ...file('package/x')), 'ARCHIVE_HEADER');
      refuses(extended(extendedRecord('path', 'package/a')), 'ARCHIVE_HEADER');
    });
    it('extended, two in a row', () => {
      const record = extendedRecord('path', 'package/a');
      const blocks = [headerBlock('x', '', record.length, 'x'), record, Buffer.alloc(512 - record.length)];
      refuses(tar(...blocks, ...blocks, ...file('package/x')), 'ARCHIVE_HEADER');
    });
  });

  describe('refuses ends', () => {
    const whole = Buffer.concat([...manifest, ...file('package/x', 'content'), END]);
    it('that are missing', () => {
      for (const length of [whole.length - 1024, whole.length - 512, 512, 700, 1024])
        refuses(gzipPlain(whole.subarray(0, length)), 'ARCHIVE_TRUNCATED');
    });
    it('followed by anything', () => {
      refuses(gzipPlain(Buffer.concat([whole, ...file('package/late'), END])), 'ARCHIVE_TRAILING');
      refuses(gzipPlain(Buffer.concat([whole, Buffer.from('x')])), 'ARCHIVE_TRAILING');
      refuses(gzipPlain(Buffer.concat([...manifest, Buffer.alloc(512), ...file('package/late'), END])), 'ARCHIVE_TRAILING');
    });
    it('with padding that holds something', () => {
      const padded = Buffer.from(whole);
      padded.write('hidden', 512 + 100);
      refuses(gzipPlain(padded), 'ARCHIVE_HEADER', { path: 'package/package.json' });
    });
    it('of the gzip stream that are cut, doubled or lied about', () => {
      const archive = gzipPlain(whole);
      for (let length = 0; length < archive.length; length += 1) refusesSomehow(archive.subarray(0, length));
      refuses(Buffer.concat([archive, archive]), 'ARCHIVE_TRAILING');
      refuses(Buffer.concat([archive, Buffer.from('x')]), 'ARCHIVE_TRAILING');
      const wrongSize = Buffer.from(archive);
      wrongSize.writeUInt32LE(5, archive.length - 4);
      refuses(wrongSize, 'ARCHIVE_GZIP');
    });
    it('of a gzip header with optional fields', () => {
      const archive = gzipPlain(whole);
      for (const flag of [1, 2, 4, 16, 32, 64, 128]) {
        const changed = Buffer.from(archive);
        changed[3] = flag;
        refuses(changed, 'ARCHIVE_GZIP', { offset: 3 });
      }
    });
  });

  describe('bounds', () => {
    it('the compressed size', () => refuses(tar(), 'ARCHIVE_TOO_LARGE', { expected: 10 }, { archiveBytesMax: 10 }));
    it('the number of entries', () => {
      refuses(tar(...file('package/a'), ...file('package/b')), 'ARCHIVE_ENTRIES', { path: 'package/b' }, { entriesMax: 2 });
    });
    it('the size of one entry', () => {
      refuses(tar(...file('package/a', 'x'.repeat(600))), 'ARCHIVE_TOO_LARGE', { path: 'package/a', found: 600 }, { entryBytesMax: 500 });
    });
    it('the size of an extended header', () => {
      const record = extendedRecord('comment', 'x'.repeat(9_000));
      refuses(
        tar(headerBlock('x', '', record.length, 'x'), record, Buffer.alloc(512 - (record.length % 512)), ...file('package/x')),
        'ARCHIVE_TOO_LARGE',
      );
    });
    it('the inflated size, by size and by ratio, before inflating it all', () => {
      const zeros = gzipPlain(Buffer.alloc(64 * 1024 * 1024));
      refuses(zeros, 'ARCHIVE_BOMB', {}, { ratioMax: 100_000, inflatedBytesMax: 1_000_000 });
      refuses(zeros, 'ARCHIVE_BOMB', { expected: zeros.length * 100 });
      const before = process.memoryUsage().arrayBuffers;
      refuses(zeros, 'ARCHIVE_BOMB');
      equal(process.memoryUsage().arrayBuffers - before < 20 * 1024 * 1024, true);
    });
  });

  it('refuses an archive without a readable package.json', () => {
    refuses(gzipPlain(Buffer.concat([...file('package/x'), END])), 'ARCHIVE_PACKAGE_JSON', { path: 'package.json' });
    for (const text of ['{"a":1,"a":2}', '{"__proto__":{}}', '{', '\uFEFF{}', '[1,]']) {
      refuses(writeArchive({ 'package.json': text }), 'ARCHIVE_PACKAGE_JSON', { path: 'package.json' });
    }
  });

  it('refuses what is not an archive at all', () => {
    refusesSomehow(Buffer.alloc(0));
    refuses(Buffer.from('PK\x03\x04 this is a zip file'), 'ARCHIVE_GZIP');
    refuses(gzipSync(Buffer.from('not a tar')), 'ARCHIVE_TRUNCATED');
  });
});

describe('archive writer', () => {
  const newFolder = temporaryFolders();
  const entries = {
    'public/b.txt': 'b',
    'package.json': PACKAGE_JSON,
    'dist/bundle.cjs': Buffer.from('exports.x = 1'),
    [`${'long/'.repeat(30)}name.js`]: 'long',
    [`${'n'.repeat(200)}.js`]: 'longer',
    'é.txt': 'unicode',
    empty: '',
  };

  it('writes the same bytes for the same entries, in whatever order they are given', () => {
    const reversed = new Map(Object.entries(entries).reverse());
    equal(writeArchive(reversed), writeArchive(entries));
  });

  it('writes what the reader reads', () => {
    const read = readArchive(writeArchive(entries)).entries;
    equal(
      Object.fromEntries([...read].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])),
      Object.fromEntries(Object.entries(entries).map(([path, content]) => [path, content.toString()])),
    );
    equal([...read.keys()][0], 'package.json');
  });

  it('writes what tar reads', async () => {
    const folder = await newFolder();
    await writeFile(`${folder}/a.tgz`, writeArchive(entries));
    execFileSync('tar', ['xzf', 'a.tgz'], { cwd: folder });
    for (const [path, content] of Object.entries(entries)) equal(await readFile(`${folder}/package/${path}`, 'utf8'), content.toString());
  });

  it('writes what npm reads', async () => {
    const folder = await newFolder();
    await writeFile(`${folder}/a.tgz`, writeArchive(entries));
    await npmTar.extract({ file: `${folder}/a.tgz`, cwd: folder, strip: 1, strict: true });
    for (const [path, content] of Object.entries(entries)) equal(await readFile(`${folder}/${path}`, 'utf8'), content.toString());
  });
});

describe('strict JSON', () => {
  const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));
  const refusesJson = (text: string | Buffer, offset: number): void =>
    throws(
      () => parseStrictJson(Buffer.from(text as string)),
      (error: { code?: string; details?: { offset?: number } }) => {
        equal([error.code, error.details?.offset], ['JSON_INVALID', offset]);
        return true;
      },
    );

  it('parses what JSON.parse parses', () => {
    for (const text of ['1', '"a\\"b:{"', '{"a":{"b":[{"a":1},{"a":2}]},"c":"{\\"a\\":1}"}', ' [ ] ', '{"a":1,"A":2}', 'null']) {
      equal(parse(text), JSON.parse(text));
    }
  });

  it('refuses duplicate keys at any depth, however they are escaped', () => {
    refusesJson('{"a":1,"a":2}', 7);
    refusesJson('{"x":[{"k" :1,"b":2,"k": 3}]}', 20);
    refusesJson('{"a":1,"\\u0061":2}', 7);
  });

  it('refuses __proto__, however it is escaped', () => {
    refusesJson('{"__proto__":1}', 1);
    refusesJson('{"a":{"\\u005f_proto__":1}}', 6);
  });

  it('refuses nesting that would exhaust a stack, and bytes that are not UTF-8', () => {
    refusesJson('['.repeat(100_000), 64);
    refusesJson(Buffer.from([0x22, 0xff, 0x22]), 0);
  });

  it('ends quickly on hostile text', () => {
    const started = performance.now();
    for (const text of ['"\\"'.repeat(300_000), '"'.repeat(999_999), `"${'\\'.repeat(999_998)}`, `{"a"${' '.repeat(999_000)}`]) {
      refusesJson(text, 0);
    }
    equal(performance.now() - started < 2_000, true);
  });
});

function withChecksum(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function refusesSomehow(archive: Uint8Array): void {
  throws(
    () => readArchive(archive),
    (error: { code?: string }) => /^ARCHIVE_[A-Z_]+$/.test(String(error.code)),
  );
}
