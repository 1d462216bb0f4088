import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { markdownTable, withTable } from './report/readme-table.ts';
import type { Results } from './report/results.ts';

/*
 * `npm run bench:table -- data/bench/results.json [--into README.md]`: the results as a Markdown table, printed or put into a document.
 */

const { values, positionals } = parseArgs({ allowPositionals: true, options: { into: { type: 'string' } } });
const [file = 'data/bench/results.json'] = positionals;
const table = markdownTable(JSON.parse(await readFile(file, 'utf8')) as Results);
if (values.into === undefined) process.stdout.write(`${table}\n`);
else await writeFile(values.into, withTable(await readFile(values.into, 'utf8'), table));
