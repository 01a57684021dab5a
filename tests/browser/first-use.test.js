// An installation nobody has used yet: the set-up link, and lists without anything in them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before } from 'node:test';
import { PASSWORD, answer, open, scene, serve, visit } from './harness.js';

let server;
let state;
before(async () => {
	server = await serve({ dev: false });
	const link = readFileSync(join(server.dir, 'setup-link'), 'utf8').trim();
	const { page, context, troubles } = await open(server, '');
	await page.goto(link);
	await page.fill('[name=username]', 'root');
	await page.fill('[name=password]', PASSWORD);
	await answer(page, () => page.click('button[type=submit]'));
	state = await context.storageState();
	await context.close();
	assert.deepEqual(troubles, []);
});

const signedIn = async page => { await page.context().addCookies(state.cookies); };

scene('T9 the first client is one step away', () => server, { as: '', variants: ['js', 'nojs'] }, async page => {
	await signedIn(page);
	await visit(page, '/');
	const list = new URL(page.url()).pathname;
	assert.match(list, /^\/orgs\/[^/]+\/clients$/);
	await visit(page, `${list}?kind=custom`);
	await visit(page, list);
	const primary = page.locator('main .btn.primary');
	assert.equal(await primary.count(), 1);
	assert.match(await primary.innerText(), /Create client/);
});

scene('the set-up link works once', () => server, { as: '', allow: [410] }, async page => {
	const used = /\/setup\/[\w-]+/.exec(server.log)[0];
	await visit(page, used, 410);
	assert.match(await page.innerText('main'), /used already/);
});
