// Archives as the page writes and reads them: `node zip.mjs`. Python's zipfile has to agree.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzip, zip } from '../zip.js';

const folder = mkdtempSync(join(tmpdir(), 'zip-'));
const python = (...code) => execFileSync('python3', ['-c', `import zipfile, sys\n${code.join('\n')}`], { cwd: folder, encoding: 'utf8' });
const files = [['dress/1.jpg', new Uint8Array([1, 2, 3, 255])], ['Röcke/empty.png', new Uint8Array()], ['a.bin', new Uint8Array(70_000).fill(7)]];

const bytes = new Uint8Array(await zip(files).arrayBuffer());
assert.deepEqual(unzip(bytes), files);
writeFileSync(join(folder, 'ours.zip'), bytes);
assert.equal(python('z = zipfile.ZipFile("ours.zip")', 'assert z.testzip() is None', 'print([(i.filename, i.file_size) for i in z.infolist()])').trim(),
  "[('dress/1.jpg', 4), ('Röcke/empty.png', 0), ('a.bin', 70000)]");

python('zipfile.ZipFile("theirs.zip", "w").writestr("b/c.txt", b"hello")',
  'zipfile.ZipFile("packed.zip", "w", zipfile.ZIP_DEFLATED).writestr("d.txt", b"hello" * 50)');
const theirs = unzip(new Uint8Array(readFileSync(join(folder, 'theirs.zip'))));
assert.deepEqual(theirs.map(([name, content]) => [name, new TextDecoder().decode(content)]), [['b/c.txt', 'hello']]);
assert.throws(() => unzip(new Uint8Array(readFileSync(join(folder, 'packed.zip')))), /d\.txt is compressed in the archive/);
assert.throws(() => unzip(new Uint8Array(100)), /this is no zip archive/);
console.log('good');
