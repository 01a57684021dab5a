// An installation nobody has used yet: the set-up link, and lists without anything in them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before } from 'node:test';
import { PASSWORD, answer, open, scene, serve, token, visit } from './harness.js';

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

scene('T9 who signs up lands on the list, with one primary action', () => server, { as: '' }, async page => {
	await signedIn(page);
	await visit(page, '/');
	assert.match(new URL(page.url()).pathname, /^\/orgs\/[^/]+\/clients$/);
	const primary = page.locator('main .btn.primary');
	assert.equal(await primary.count(), 1);
	assert.match(await primary.innerText(), /Create client/);
});

/** An organisation without any client, made by the operator over the management API. */
async function emptyOrganisation(page, handle) {
	await visit(page, '/');
	const at = `${new URL(page.url()).pathname}/oa_admin_client/rotate`;
	await visit(page, at);
	await page.check('[name=old_ends][value=now]');
	await answer(page, () => page.click('button.primary:text-is("Create new secret")'));
	const { body } = await token(server, 'oa_admin_client', await page.textContent('#secret'));
	const made = await fetch(`${server.url}/api/v1/orgs`, {
		method: 'POST',
		headers: { authorization: `Bearer ${body.access_token}`, 'content-type': 'application/json' },
		body: JSON.stringify({ handle, name: 'Empty' }),
	});
	assert.equal(made.status, 201, await made.text());
}

scene('T9 a list without clients says what a client is, with one primary action and no table', () => server, { as: '', variants: ['js', 'nojs'] }, async (page, { js }) => {
	await signedIn(page);
	const handle = js ? 'empty' : 'empty-plain';
	await emptyOrganisation(page, handle);
	await visit(page, `/orgs/${handle}/clients`);
	assert.equal(await page.locator('main table').count(), 0);
	const primary = page.locator('main .btn.primary');
	assert.equal(await primary.count(), 1);
	assert.match(await primary.innerText(), /Create client/);
	assert.match(await page.innerText('main'), /A client is how an app or service gets tokens/);
	await answer(page, () => page.click('a:text-is("What is a client?")'));
	assert.match(page.url(), /\/help\/glossary#client$/);
	await visit(page, `/orgs/${handle}`);
	assert.match(await page.innerText('main'), /First steps[\s\S]*Create a client/);
});

scene('the set-up link works once', () => server, { as: '', allow: [410] }, async page => {
	const used = /\/setup\/[\w-]+/.exec(server.log)[0];
	await visit(page, used, 410);
	assert.match(await page.innerText('main'), /used already/);
});
