// The bodies of the published contract of /api/oauth-applications, replayed as they stand there.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createService, open, pageOf, serve, token, visit } from './harness.js';

const KEYS = [
	'allowedScopes', 'clientId', 'createdAt', 'disabled', 'isFirstParty', 'name', 'ownerOrgId', 'redirectUrls', 'type', 'updatedAt',
];
const BASE = '/api/oauth-applications';

let server;
let bearer;
let ownerOrgId;
let browser;
before(async () => {
	server = await serve();
	browser = await open(server, 'ada', { allow: [403] });
	const { id, secret } = await createService(browser.page, 'Contract', ['clients:read', 'clients:write', 'clients:delete', 'organizations:read']);
	bearer = (await token(server, id, secret)).body.access_token;
	const orgs = await (await fetch(`${server.url}/api/v1/orgs`, { headers: { authorization: `Bearer ${bearer}` } })).json();
	ownerOrgId = orgs.data[0].id;
});

async function call(method, path, body) {
	const response = await fetch(server.url + BASE + path, {
		method,
		headers: { authorization: `Bearer ${bearer}`, ...(body && { 'content-type': 'application/json' }) },
		body: body && JSON.stringify(body),
	});
	return { status: response.status, headers: response.headers, body: await response.json() };
}
const keys = object => Object.keys(object).sort();

for (const [type, redirect, hasSecret] of [
	['web', 'https://app.acme.example/callback', true], ['native', 'com.example.app:/callback', false],
	['public', 'http://127.0.0.1/callback', false], ['user-agent-based', 'https://spa.acme.example/', false],
]) {
	test(`T69 an application of type ${type} lives as the contract says`, async () => {
		const body = { ownerOrgId, name: `My ${type} application`, type, redirectUrls: [redirect], allowedScopes: ['workspace:read'] };
		const made = await call('POST', '', body);
		assert.equal(made.status, 201, JSON.stringify(made.body));
		assert.deepEqual(keys(made.body), ['application', 'clientSecret']);
		assert.deepEqual(keys(made.body.application), KEYS);
		assert.equal(typeof made.body.clientSecret, hasSecret ? 'string' : 'object');
		const { application } = made.body;
		for (const key of Object.keys(body)) assert.deepEqual(application[key], body[key], key);
		assert.equal(application.disabled, false);
		assert.equal(application.createdAt, application.updatedAt);
		const path = `/${application.clientId}`;

		const shown = await call('GET', path);
		assert.equal(shown.status, 200);
		assert.deepEqual(shown.body, application);

		const changed = await call('PATCH', path, { name: 'Renamed', redirectUrls: [redirect] });
		assert.equal(changed.status, 200, JSON.stringify(changed.body));
		assert.deepEqual(keys(changed.body), KEYS);
		assert.equal(changed.body.name, 'Renamed');

		const rotated = await call('POST', `${path}/rotate-secret`);
		assert.equal(rotated.status, hasSecret ? 200 : 400);
		if (hasSecret) {
			assert.deepEqual(keys(rotated.body), ['application', 'clientSecret']);
			assert.notEqual(rotated.body.clientSecret, made.body.clientSecret);
		}

		const removed = await call('DELETE', path);
		assert.equal(removed.status, 200);
		assert.deepEqual(removed.body, { success: true });
		const gone = await call('GET', path);
		assert.equal(gone.status, 200);
		assert.equal(gone.body.disabled, true);
		assert.deepEqual((await call('DELETE', path)).body, { success: true });
	});
}

test('T69 the list has its documented keys', async () => {
	const { status, body } = await call('GET', '?limit=5');
	assert.equal(status, 200);
	assert.deepEqual(keys(body), ['data', 'pageInfo']);
	assert.deepEqual(keys(body.pageInfo), ['endCursor', 'hasNextPage', 'hasPreviousPage', 'startCursor', 'total']);
	assert.equal(body.data.length, 5);
	for (const one of body.data) assert.deepEqual(keys(one), KEYS);
});

test('T69 a body that does not fit is refused with the place of the mistake', async () => {
	const { status, headers, body } = await call('POST', '', { ownerOrgId, name: 'x', type: 'web', redirectUrls: ['https://a.example/#b'] });
	assert.equal(status, 400);
	assert.match(headers.get('content-type'), /^application\/problem\+json/);
	assert.ok(body.code && body.request_id);
	assert.equal(body.errors[0].pointer, '/redirectUrls/0');
});

test('T69 what the contract disabled the console shows as disabled', async () => {
	const made = await call('POST', '', { ownerOrgId, name: 'Seen from both sides', type: 'web', redirectUrls: ['https://a.example/cb'] });
	await call('DELETE', `/${made.body.application.clientId}`);
	await visit(browser.page, await pageOf(browser.page, 'Seen from both sides'));
	assert.match(await browser.page.innerText('.head'), /Disabled/);
	await browser.context.close();
});

test('T20 a grace period of seconds ends by itself, whatever restarts meanwhile', async () => {
	const made = await call('POST', '', { ownerOrgId, name: 'Short grace', type: 'web', redirectUrls: ['https://a.example/cb'] });
	const { clientId } = made.body.application;
	const rotated = await call('POST', `/${clientId}/rotate-secret`, { graceSeconds: 5 });
	const ends = Date.now() + 5000;
	assert.equal(rotated.status, 200, JSON.stringify(rotated.body));
	const status = async secret => (await token(server, clientId, secret)).status;
	assert.equal(await status(made.body.clientSecret), 200);
	await server.restart();
	assert.equal(await status(rotated.body.clientSecret), 200);
	if (Date.now() < ends - 500) assert.equal(await status(made.body.clientSecret), 200);
	await sleep(Math.max(0, ends - Date.now()) + 200);
	assert.equal((await token(server, clientId, made.body.clientSecret)).body.error, 'invalid_client');
	assert.equal(await status(rotated.body.clientSecret), 200);
});
