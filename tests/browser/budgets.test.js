// What a page may weigh, and how long the list takes when it is long.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { ORG, open, serve } from './harness.js';

const KB = 1024;
let server;
let opened;
before(async () => {
	server = await serve();
	opened = await open(server, 'ada');
});
const fetched = async path => (await opened.page.request.get(path)).text();

test('T74 stylesheet, script and a list of 25 rows are small', async t => {
	const list = await fetched(`${ORG}/clients`);
	const size = async pattern => (await fetched(list.match(pattern)[1])).length;
	const sizes = {
		css: await size(/href="(\/assets\/app\.\w+\.css)"/), js: await size(/src="(\/assets\/app\.\w+\.js)"/), list: Buffer.byteLength(list),
	};
	t.diagnostic(JSON.stringify(sizes));
	assert.ok(sizes.css <= 24 * KB && sizes.js <= 16 * KB && sizes.list <= 60 * KB, JSON.stringify(sizes));
});

test('T74 a list of 10,000 clients is answered quickly', async t => {
	await server.stop();
	const rows = execFileSync('python3', [join(import.meta.dirname, 'multiply.py'), join(server.dir, 'oauthority.db'), 'acme', '10000']);
	assert.equal(Number(rows), 10000);
	await server.start();
	const queries = ['', '?sort=name', '?sort=-last_used_at&page=200', '?q=mobile+app+3', '?used=90d', '?kind=custom&grant=client_credentials'];
	const times = [];
	for (let round = 0; round < 8; round++) {
		for (const query of queries) {
			const from = performance.now();
			const answer = await opened.page.request.get(`${ORG}/clients${query}`);
			times.push([performance.now() - from, query]);
			assert.equal(answer.status(), 200);
		}
	}
	times.sort(([a], [b]) => a - b);
	const [p95, slowest] = times[Math.floor(times.length * 0.95)];
	t.diagnostic(`p50 ${times[times.length >> 1][0].toFixed(0)} ms, p95 ${p95.toFixed(0)} ms (${slowest || 'no query'}), as a client sees it`);
	// The goal is 150 ms on a quiet machine with an optimised build; this is noise and a debug build on top.
	assert.ok(p95 <= 1500, `${p95} ms`);
	assert.match(await fetched(`${ORG}/clients`), /9,99\d clients/);
	await opened.context.close();
	assert.deepEqual(opened.troubles, []);
});
