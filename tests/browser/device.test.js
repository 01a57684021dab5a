// A person answers for a device: the code, the page that says who asks, and what comes after.
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { answer, idsByName, open, scene, serve, visit } from './harness.js';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const AGENT = 'Meter/4.2 (cellar)';

let server;
let client;
before(async () => {
	server = await serve();
	const { page, context } = await open(server, 'ada');
	client = (await idsByName(page)).get('Meter reader');
	await context.close();
	assert.ok(client, 'the demonstration has a device');
});

async function post(path, fields) {
	const response = await fetch(server.url + path, {
		method: 'POST', body: new URLSearchParams({ client_id: client, ...fields }), headers: { 'user-agent': AGENT },
	});
	return response.json();
}

const begin = () => post('/oauth2/device_authorization', { scope: 'openid telemetry:read' });
const poll = device_code => post('/oauth2/token', { grant_type: GRANT, device_code });

async function enter(page, code) {
	await visit(page, '/device');
	await page.fill('[name=user_code]', code);
	return answer(page, () => page.click('button[type=submit]'));
}

const variants = ['js', 'nojs'];

scene('T42 a code is taken in any dress, and T44 the page says who asks', () => server, { variants }, async page => {
	const { user_code, device_code } = await begin();
	await enter(page, ` ${user_code.toLowerCase().replace('-', ' ')} `);
	assert.equal(new URL(page.url()).pathname, '/device/confirm');
	assert.equal(await page.innerText('#user-code'), user_code);
	await enter(page, user_code);
	const main = await page.innerText('main');
	for (const shown of ['Meter reader', 'Does your device show', user_code, AGENT, 'Only continue if you started this yourself']) {
		assert.ok(main.includes(shown), shown);
	}
	assert.match(await page.innerText('#address'), /^(127\.0\.0\.1|::1)$/);
	assert.match(await page.innerText('#requested'), /^\d+ \w+ \d{4}, \d\d:\d\d:\d\d \S+ \((just now|in a moment)\)$/);
	assert.equal((await poll(device_code)).error, 'authorization_pending');
	await page.check('[name=sure]');
	await answer(page, () => page.click('#allow'));
	assert.match(await page.innerText('main'), /Device allowed[\s\S]*Meter reader goes on by itself/);
	assert.equal((await poll(device_code)).token_type, 'Bearer');
});

scene('T44 the time is in my zone', () => server, { as: 'mel', variants }, async page => {
	const { user_code } = await begin();
	await visit(page, '/me/preferences');
	await page.selectOption('[name=zone]', 'Asia/Tokyo');
	await answer(page, () => page.click('main button[type=submit]:text-is("Save preferences")'));
	await enter(page, user_code);
	assert.match(await page.innerText('#requested'), / JST /);
});

scene('the link brings the code along and skips nothing; without the tick nothing is allowed', () => server, { variants, allow: [422] }, async page => {
	const { verification_uri_complete, user_code, device_code } = await begin();
	await visit(page, new URL(verification_uri_complete).pathname + new URL(verification_uri_complete).search);
	assert.equal(await page.inputValue('[name=user_code]'), user_code);
	await answer(page, () => page.click('button[type=submit]'));
	const refused = await answer(page, () => page.click('#allow'));
	assert.equal(refused.status(), 422);
	assert.match(await page.title(), /^Error: /);
	assert.equal(await page.evaluate(() => document.activeElement.id), 'errors');
	assert.equal((await poll(device_code)).error, 'authorization_pending');
	await answer(page, () => page.click('#deny'));
	assert.match(await page.innerText('main'), /Device denied/);
	assert.equal((await poll(device_code)).error, 'access_denied');
	const used = await enter(page, user_code);
	assert.equal(used.status(), 422);
	assert.match(await page.innerText('#errors'), /This code was used already/);
});

// Each variant with a person of its own, because the count outlives the page.
for (const [as, variant] of [['aud', 'js'], ['mel', 'nojs']]) {
	scene('T42 after five wrong codes one waits, and reads until when', () => server, { as, variants: [variant], allow: [422, 429] }, async page => {
		for (let tries = 0; tries < 4; tries++) {
			assert.equal((await enter(page, 'BBBB-BBBB')).status(), 422);
			assert.match(await page.innerText('#errors'), /We do not know this code/);
		}
		assert.equal((await enter(page, 'BBBB-BBBB')).status(), 429);
		assert.match(await page.innerText('#wait'), /You can try again at \d+ \w+ \d{4}, \d\d:\d\d:\d\d \S+ \(in \d+ min\)/);
		await visit(page, '/device', 429);
	});
}
