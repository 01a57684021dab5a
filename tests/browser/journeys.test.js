// The journeys of people through the console, each from its beginning to its end, without a script running; and what is
// promised on the way: programs that run as they stand, tokens for a test, secrets that no way leads back to.
// J-7, the consent, is in hosted.test.js.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ORG, answer, createService, idsByName, introspect, open, scene, serve, texts, token, visit } from './harness.js';

let server;
before(async () => { server = await serve(); });
const here = () => server;
const plain = { variants: ['nojs'] };
const run = promisify(execFile);
const press = (page, text) => answer(page, () => page.click(`main :is(a, button):text-is("${text}")`));
const tick = (page, scope) => page.check(`.scope:has(code:text-is("${scope}")) input`);
const claims = jwt => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));

/** Opens a page again and again until it says so: use is counted a moment after it. */
async function says(page, path, words) {
	for (let tries = 0; tries < 40; tries++) {
		await visit(page, path);
		if (words.test(await page.innerText('main'))) return;
		await sleep(250);
	}
	assert.match(await page.innerText('main'), words);
}

/** Runs the program that the page shows, from a file of the name that the page says; what it prints. */
async function runs(page, secret) {
	const code = await page.textContent('#program');
	const [file, command] = await page.locator('.codeblock:has(#program) + .hint code').allTextContents();
	const [tool, ...args] = command.split(' ');
	const cwd = mkdtempSync(join(tmpdir(), 'oauthority-program-'));
	try {
		assert.ok(!code.includes(secret), 'the secret stands in no program');
		writeFileSync(join(cwd, file), code);
		const { stdout } = await run(tool, args, { cwd, env: { PATH: process.env.PATH, OAUTHORITY_CLIENT_SECRET: secret }, timeout: 20000 });
		return stdout;
	} finally {
		rmSync(cwd, { recursive: true });
	}
}

scene('T48 J-1 a custom client is created, tried and found in the list', here, plain, async page => {
	await visit(page, `${ORG}/clients`);
	await press(page, 'Create client');
	await page.check('[name=template][value=custom]');
	await answer(page, () => page.keyboard.press('Enter'));
	await page.fill('[name=name]', 'Invoice archive');
	await page.fill('[name=description]', 'Files what was paid');
	await page.check('[name=type][value=web]');
	for (const grant of ['authorization_code', 'client_credentials']) await page.check(`[name=grant_types][value=${grant}]`);
	await page.locator('[name=redirect_uris]').first().fill('https://archive.acme.example/callback');
	await tick(page, 'invoices:read');
	await press(page, 'Create client');
	const [id, secret] = [await page.textContent('#client-id'), await page.textContent('#secret')];
	assert.match(await page.innerText('main'), /Waiting for the first token…/);
	assert.equal((await token(server, id, secret)).status, 200);
	await press(page, 'Check now');
	assert.match(await page.innerText('main'), /First token issued/);
	await press(page, 'Go to the client');
	assert.match(await page.innerText('main'), /archive\.acme\.example/);
	await visit(page, `${ORG}/clients?q=Invoice+archive`);
	assert.deepEqual(await texts(page.locator('#clients tbody th a')), ['Invoice archive']);
});

scene('T48 J-2 a sync connector is set up, waits, and reports in', here, plain, async page => {
	await visit(page, `${ORG}/clients/new`);
	await page.focus('[name=template][value=sync-connector]');
	await answer(page, () => page.keyboard.press('Enter'));
	assert.match(await page.innerText('main'), /Why these\?/);
	await page.fill('[name=host]', 'dc7.acme.example');
	await press(page, 'Create client');
	const [id, secret] = [await page.textContent('#client-id'), await page.textContent('#secret')];
	const config = await page.textContent('#connector-config');
	assert.ok(config.includes(`client_id = "${id}"`), config);
	assert.match(await page.textContent('#connector-systemd'), /EnvironmentFile=/);
	assert.match(await page.textContent('#connector-docker'), /--env-file/);
	for (const block of await page.locator('pre code').allTextContents()) assert.ok(!block.includes(secret));
	assert.match(await page.innerText('main'), /Waiting for the connector to report in…/);
	const way = await page.getAttribute('a:text-is("Check now")', 'href');
	await visit(page, way);
	assert.match(await page.innerText('main'), /Waiting for the connector to report in…/);
	assert.equal((await token(server, id, secret)).status, 200);
	await press(page, 'Check now');
	assert.match(await page.innerText('main'), /The connector reported in [\d:]+ from 127\.0\.0\.1/);
	await press(page, 'Go to the client');
	assert.match(await page.innerText('h1'), /dc7\.acme\.example/);
});

test('T48 J-3 a secret is rotated with an overlap, and the old one is ended once that is safe [nojs]', async () => {
	const own = await serve();
	let { page, context, troubles } = await open(own, 'ada', { js: false });
	const { id, secret: old, at } = await createService(page, 'Carefully rotated');
	assert.equal((await token(own, id, old)).status, 200);
	await visit(page, `${at}/secrets`);
	await press(page, 'Rotate secret');
	assert.ok(await page.isChecked('[name=old_ends][value="24h"]'), 'an overlap of a day is the usual way');
	await page.fill('[name=note]', 'vault, path invoices/sync');
	await press(page, 'Create new secret');
	const fresh = await page.textContent('#secret');
	await press(page, 'I have stored it');
	await visit(page, `${at}/secrets`);
	assert.match(await page.innerText('main'), /Not yet safe to end the old one/);
	assert.match(await page.innerText('#secrets'), /vault, path invoices\/sync/);
	assert.equal((await token(own, id, fresh)).status, 200);
	await says(page, `${at}/secrets`, /Not yet safe to end the old one[\s\S]*1 use\./);
	await context.close();
	assert.deepEqual(troubles, []);

	await own.restart({ now: new Date(Date.now() + 2 * 3600_000).toISOString() });
	assert.equal((await token(own, id, fresh)).status, 200);
	({ page, context, troubles } = await open(own, 'ada', { js: false, fresh: true }));
	await says(page, `${at}/secrets`, /Safe to end the old one/);
	assert.match(await page.innerText('#secrets'), /127\.0\.0\.1/);
	await press(page, 'End old secret now');
	await press(page, 'End secret now');
	assert.match(await page.innerText('main'), /The secret is ended/);
	assert.equal((await token(own, id, old)).status, 401);
	assert.equal((await token(own, id, fresh)).status, 200);
	await context.close();
	await own.stop();
	assert.deepEqual(troubles, []);
});

scene('T48 J-4 an unused client is found, disabled with a date, missed, and enabled again', here, plain, async page => {
	const [name, id] = await unused(page);
	const at = `${ORG}/clients/${id}`;
	await visit(page, `${at}/rotate`);
	await press(page, 'Create new secret');
	const secret = await page.textContent('#secret');

	await visit(page, ORG);
	await answer(page, () => page.click('main a:has-text("not used in 90 days")'));
	assert.match(await page.innerText('main'), /recorded since/i);
	await page.check(`input[aria-label="Select ${name}"]`);
	await answer(page, () => page.click('button[name=do][value=disable]'));
	assert.match(await page.innerText('h1'), /Disable 1 client\?/);
	assert.match(await page.innerText('#ticked'), new RegExp(name));
	await page.fill('[name=reason]', 'Nobody seems to need it');
	await page.selectOption('[name=delete_after]', '14');
	await press(page, 'Disable 1 client');
	assert.match(await page.innerText('main'), /1 client is disabled/);

	assert.equal((await token(server, id, secret)).body.error, 'invalid_client');
	await says(page, at, /Tried 1 time since it was disabled/);
	assert.match(await page.innerText('main'), /Nobody seems to need it/);
	assert.match(await page.innerText('main'), /deleted/i);
	await press(page, 'Enable');
	await press(page, 'Enable client');
	assert.equal((await token(server, id, secret)).status, 200);
	assert.doesNotMatch(await page.innerText('main'), /Tried 1 time/);
});

/** Name and id of a client with a secret that nobody has used for 90 days. */
async function unused(page) {
	for (const [name, id] of await idsByName(page, 'used=90d&grant=client_credentials')) {
		await visit(page, `${ORG}/clients/${id}`);
		if (await page.locator('main a:text-is("Rotate secret")').count() > 0) return [name, id];
	}
	throw new Error('the demonstration has no unused client');
}

scene('T48 J-5 deleting says in numbers what stops, and wants the name typed', here, { ...plain, allow: [422] }, async page => {
	const { id, secret, at } = await createService(page, 'To be deleted');
	for (let times = 0; times < 2; times++) assert.equal((await token(server, id, secret)).status, 200);
	await visit(page, at);
	await press(page, 'Delete');
	assert.equal(await page.locator(':focus').innerText(), 'Keep it');
	assert.match(await page.innerText('main'), /2\s+access tokens are refused at once/);
	assert.match(await page.innerText('main'), /1\s+secret stops working for good/);
	await page.fill('[name=confirm]', 'To be');
	assert.equal((await answer(page, () => page.click('button.danger'))).status(), 422);
	assert.match(await page.locator(':focus').innerText(), /There is a problem/);
	assert.equal((await token(server, id, secret)).status, 200, 'nothing was deleted');
	await page.fill('[name=confirm]', 'To be deleted');
	await answer(page, () => page.click('button.danger'));
	assert.match(await page.innerText('main'), /To be deleted was deleted/);
	assert.equal((await token(server, id, secret)).body.error, 'invalid_client');
	await press(page, 'Create a new one like this');
	assert.match(await page.inputValue('[name=name]'), /To be deleted/);
});

/** Fills the form of a personal credential with two audiences, a scope each. */
async function twoAudiences(page, name) {
	await page.fill('[name=name]', name);
	await page.locator('[name="scope-0"]').first().check();
	await press(page, '+ Another audience');
	assert.equal(await page.inputValue('[name=name]'), name, 'what was typed stays');
	await page.locator('[name="scope-1"]').first().check();
	return Promise.all([0, 1].map(pair => page.locator(`.scope:has([name="scope-${pair}"]:checked) code`).textContent()));
}

scene('T48 J-6 a personal credential for two audiences gets a token for each, by its scope in full', here, plain, async page => {
	await visit(page, '/me/credentials');
	await answer(page, () => page.click('main a[href^="/me/credentials/new"] >> nth=0'));
	const scopes = await twoAudiences(page, 'My report');
	assert.ok(scopes.every(scope => /^(https|urn):/.test(scope)), `${scopes}`);
	await press(page, 'Generate');
	const [id, secret] = [await page.textContent('#client-id'), await page.textContent('#secret')];
	const shown = [await page.textContent('#scope-0'), await page.textContent('#scope-1')];
	assert.deepEqual([...shown].sort(), [...scopes].sort());
	assert.equal(await page.textContent('#endpoint'), `${server.url}/oauth2/token`);
	const audiences = new Set();
	for (const scope of shown) {
		const { status, body } = await token(server, id, secret, { scope });
		assert.equal(status, 200, JSON.stringify(body));
		audiences.add(body.access_token.includes('.') ? [claims(body.access_token).aud].flat()[0] : scope);
	}
	assert.equal(audiences.size, 2, 'each token is for one audience');
	await press(page, 'I have stored it');
	assert.equal(new URL(page.url()).pathname, `/me/credentials/${id}`);
	assert.ok(!(await page.content()).includes(secret));
	await visit(page, `/me/credentials/${id}/delete`);
	await answer(page, () => page.click('button.danger'));
	assert.equal((await token(server, id, secret, { scope: shown[0] })).body.error, 'invalid_client');
});

scene('T48 T35 J-8 a client is tried: a program, a preview, and a token for a test that is taken back', here, plain, async page => {
	const asker = await createService(page, 'Asker of tests');
	const { id, secret, at } = await createService(page, 'Tried out');
	await visit(page, at);
	await press(page, 'Try it');
	assert.match(await page.innerText('main'), /Waiting for the first token…/);
	assert.ok(JSON.parse(await runs(page, secret)).access_token);
	await press(page, 'Check now');
	assert.match(await page.innerText('main'), /Last request [\d:]+: went well, from 127\.0\.0\.1/);

	await token(server, id, secret, { scope: 'invoices:write' });
	await says(page, `${at}/try`, /invalid_scope/);
	await answer(page, () => page.click('a:text-is("Why it failed")'));
	assert.match(await page.innerText('main'), /invoices:write/);

	await visit(page, `${at}/try`);
	await press(page, 'Show claims');
	assert.equal(JSON.parse(await page.textContent('#preview-claims')).client_id, id);

	await press(page, 'Get a test token');
	const made = await page.inputValue('#token');
	const { exp, iat, test: marked } = claims(made);
	assert.ok(exp - iat <= 300, `${exp - iat} seconds`);
	assert.ok(marked, 'it is marked');
	assert.match(await page.innerText('#verdict'), /^Active/);
	assert.equal((await introspect(server, asker.id, asker.secret, made)).active, true);
	await press(page, 'Revoke now');
	assert.match(await page.innerText('main'), /The test token is revoked/);
	assert.equal((await introspect(server, asker.id, asker.secret, made)).active, false);
	await visit(page, `${at}/activity`);
	assert.match(await page.innerText('main'), /test token|token for a test/i);
	assert.ok(!server.log.includes(made));
});

scene('T48 J-9 without scripts the server looks into a token, says why it is dead, and keeps nothing', here, { ...plain, allow: [422] }, async page => {
	const { id, secret, at } = await createService(page, 'Looked into');
	const { body } = await token(server, id, secret);
	const ask = async text => {
		await page.fill('#token', text);
		await press(page, 'Ask the server');
		assert.equal(await page.inputValue('#token'), '', 'the token does not come back');
		assert.ok(!(await page.content()).includes(text));
		assert.ok(!page.url().includes(text) && new URL(page.url()).search === '');
	};
	await visit(page, `${ORG}/tools/token`);
	assert.match(await page.innerText('main'), /neither logs nor keeps it/);
	await ask(body.access_token);
	assert.match(await page.innerText('#verdict'), /^Active/);
	assert.match(await page.innerText('dl.facts'), /This server[\s\S]*Valid, by a key that signs now[\s\S]*Looked into/);
	await visit(page, `${at}/disable`);
	await answer(page, () => page.click('button.danger'));
	await visit(page, `${ORG}/tools/token`);
	await ask(body.access_token);
	assert.match(await page.innerText('#verdict'), /^Inactive/);
	assert.match(await page.innerText('#why'), /disabled/);
	const foreign = ['{"alg":"none"}', '{"iss":"https://elsewhere.example"}'].map(part => Buffer.from(part).toString('base64url'));
	await ask(`${foreign.join('.')}.x`);
	assert.match(await page.innerText('dl.facts'), /Not ours/);
	assert.ok(!server.log.includes(body.access_token));
});

scene('J-9 with scripts a token is decoded in the browser, and nothing is sent', here, {}, async page => {
	const { id, secret } = await createService(page, 'Decoded here');
	const { body } = await token(server, id, secret);
	await visit(page, `${ORG}/tools/token`);
	await page.waitForLoadState('networkidle');
	const sent = [];
	page.on('request', request => sent.push(request.url()));
	await page.fill('#token', body.access_token);
	await page.waitForSelector('#decoded:visible');
	const decoded = await page.innerText('#decoded');
	assert.match(decoded, /this server/);
	assert.ok(decoded.includes(id), decoded);
	await page.fill('#token', 'a.b');
	assert.match(await page.innerText('#decoded'), /A JWT has two dots/);
	await page.fill('#token', secret);
	assert.match(await page.innerText('#decoded'), /secret of a client/);
	await page.waitForTimeout(500);
	assert.deepEqual(sent, []);
});

for (const [lang, scopes] of [['curl', ['invoices:read']], ['python', ['invoices:read']], ['node', ['invoices:read', 'clients:read']]]) {
	scene(`T33 the program in ${lang} gets a token as it stands`, here, plain, async page => {
		const { id, secret, at } = await createService(page, `Program in ${lang}`, scopes);
		await visit(page, `${at}/try?lang=${lang}`);
		const { access_token, token_type } = JSON.parse(await runs(page, secret));
		assert.equal(token_type, 'Bearer');
		assert.equal(claims(access_token).client_id, id);
	});
}

scene('T33 the request on the page of a new secret gets a token in a shell', here, plain, async page => {
	const { secret } = await createService(page, 'Asked in a shell');
	const { stdout } = await run('sh', ['-c', await page.textContent('#request')], { env: { PATH: process.env.PATH, OAUTHORITY_CLIENT_SECRET: secret } });
	assert.ok(JSON.parse(stdout).access_token);
});

/** Leaves the page of a secret and goes back as often as it can be done. */
async function noWayBack(page, secret) {
	await page.click('summary:text-is("Show secret")');
	assert.ok((await page.innerText('main')).includes(secret));
	await answer(page, () => page.click('a[data-done]'));
	for (let step = 0; step < 2; step++) {
		await page.goBack({ waitUntil: 'commit' }).catch(problem => assert.match(String(problem), /ERR_CACHE_MISS/));
		await page.waitForTimeout(300);
		assert.ok(!(await page.content()).includes(secret));
	}
}

for (const js of [true, false]) {
	const mark = js ? '[bf]' : '[bf] [nojs]';
	const quiet = troubles => assert.deepEqual(troubles.filter(text => !/ERR_CACHE_MISS|status of 40[49]|status of 410/.test(text)), []);

	test(`T14 no way leads back to the secret of a personal credential ${mark}`, async () => {
		const { page, context, troubles } = await open(server, 'ada', { flavour: 'bf', js });
		await visit(page, '/me/credentials/new');
		await page.fill('[name=name]', `Left ${mark}`);
		await page.locator('[name="scope-0"]').first().check();
		await press(page, 'Generate');
		await noWayBack(page, await page.textContent('#secret'));
		await context.close();
		quiet(troubles);
	});

	test(`T14 no way leads back to what was prepared for somebody and taken by him ${mark}`, async () => {
		const admin = await open(server, 'ada', { js });
		await visit(admin.page, `${ORG}/people`);
		await answer(admin.page, () => admin.page.click('main a:has(bdi:text-is("Mel Okafor"))'));
		await visit(admin.page, `${new URL(admin.page.url()).pathname}/credentials/new`);
		await admin.page.fill('[name=name]', `Prepared ${mark}`);
		await admin.page.locator('[name="scope-0"]').first().check();
		await press(admin.page, 'Prepare credential');
		const link = new URL(await admin.page.textContent('#link')).pathname;
		assert.equal(await admin.page.locator('#secret').count(), 0, 'who prepares it sees no secret');
		await visit(admin.page, link, 404);
		await admin.context.close();

		const { page, context, troubles } = await open(server, 'mel', { flavour: 'bf', js, allow: [410] });
		await visit(page, link);
		assert.match(await page.innerText('main'), /prepared it for you/);
		await press(page, 'Take the credential');
		const [id, secret] = [await page.textContent('#client-id'), await page.textContent('#secret')];
		const scope = await page.textContent('#scope-0');
		await noWayBack(page, secret);
		assert.equal((await token(server, id, secret, { scope })).status, 200);
		await visit(page, link, 410);
		await context.close();
		quiet(troubles);
	});
}
