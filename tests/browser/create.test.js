// Creating a client: templates, the form and its summary.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { ORG, answer, open, scene, serve, texts, visit } from './harness.js';

let server;
before(async () => { server = await serve(); });
const here = () => server;
const NEW = `${ORG}/clients/new`;
const SYNC_SCOPES = ['scim:read', 'scim:write', 'sync:profile:read', 'connector:read', 'connector:write'];
const tick = (page, name, value, on = true) => page.setChecked(`[name=${name}][value="${value}"]`, on);
const scope = (page, value) => page.locator(`.scope:has(code:text-is("${value}")) input`);

scene('T10 templates are one group with one tab stop, and arrows move in it', here, {}, async page => {
	await visit(page, NEW);
	const radios = page.locator('input[type=radio][name=template]');
	assert.equal(await radios.count(), 7);
	await radios.first().focus();
	const chosen = () => page.evaluate(() => document.activeElement.value);
	assert.equal(await chosen(), 'sync-connector');
	await page.keyboard.press('ArrowDown');
	const second = await chosen();
	assert.notEqual(second, 'sync-connector');
	assert.ok(await page.isChecked(`[value="${second}"]`));
	await page.keyboard.press('ArrowUp');
	assert.equal(await chosen(), 'sync-connector');
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.name), '');
	await page.keyboard.press('Shift+Tab');
	assert.equal(await chosen(), 'sync-connector');
});

scene('T10 Enter continues to the form of the chosen template', here, { variants: ['js', 'nojs'] }, async page => {
	await visit(page, NEW);
	await page.focus('[value=sync-connector]');
	await page.keyboard.press('ArrowDown');
	const chosen = await page.inputValue('input[name=template]:checked');
	await answer(page, () => page.keyboard.press('Enter'));
	assert.equal(new URL(page.url()).pathname, `${NEW}/${chosen}`);
});

scene('T10 three questions find a template', here, { variants: ['js', 'nojs'] }, async page => {
	await visit(page, NEW);
	await page.click('summary:text-is("Not sure?")');
	await tick(page, 'person', 'no');
	await tick(page, 'place', 'server');
	await tick(page, 'keeps', 'yes');
	await answer(page, () => page.click('button:text-is("Show me")'));
	assert.match(await page.innerText('main'), /Choose Service or job/);
});

test('T11 a sync connector is made with one grant and exactly five scopes', async t => {
	for (const js of [true, false]) await t.test(js ? 'js' : 'nojs', async () => {
		const { page, context, troubles } = await open(server, 'ada', { js });
		await visit(page, `${NEW}/sync-connector`);
		await page.fill('[name=host]', js ? 'dc1.acme.example' : 'dc2.acme.example');
		const [posted] = await Promise.all([
			page.waitForRequest(request => request.method() === 'POST' && !request.postData().includes('do=summary')),
			answer(page, () => page.click('button.primary:text-is("Create client")')),
		]);
		const sent = new URLSearchParams(posted.postData());
		assert.deepEqual(sent.getAll('grant_types'), ['client_credentials']);
		assert.deepEqual(sent.getAll('scopes').map(value => value.split(' ').at(-1)).sort(), [...SYNC_SCOPES].sort());
		const id = await page.textContent('#client-id');
		await visit(page, `${ORG}/clients/${id}`);
		const facts = await page.innerText('dl.facts');
		assert.match(facts, /Sync connector/);
		assert.match(await page.innerText('h1'), /^Directory sync – dc[12]\.acme\.example$/);
		const held = await texts(page.locator('dl.facts dd:has(code) .tag, dl.facts dd code'));
		for (const value of SYNC_SCOPES) assert.ok(held.includes(value), `${held}`);
		await context.close();
		assert.deepEqual(troubles, []);
	});
});

scene('T11 password and implicit cannot be chosen', here, { allow: [422] }, async page => {
	for (const template of ['custom', 'service', 'web', 'single-page', 'native', 'device']) {
		await visit(page, `${NEW}/${template}`);
		assert.equal(await page.locator('[name=grant_types]:is([value=password], [value=implicit])').count(), 0);
	}
	await visit(page, `${NEW}/custom`);
	assert.doesNotMatch(await page.innerText('main'), /implicit/i);
	await page.fill('[name=name]', 'Sneaky');
	await tick(page, 'type', 'service');
	await tick(page, 'grant_types', 'client_credentials');
	await page.evaluate(() => { document.querySelector('[name=grant_types][value=client_credentials]').value = 'password'; });
	const refused = await answer(page, () => page.click('button.primary:text-is("Create client")'));
	assert.equal(refused.status(), 422);
});

scene('T12 the summary follows grants and scopes, and warns of what destroys', here, {}, async page => {
	await visit(page, `${NEW}/custom`);
	const summary = text => page.waitForFunction(
		wanted => document.getElementById('summary').innerText.includes(wanted), text, { timeout: 5000 });
	await summary('has no way to get tokens yet');
	await page.fill('[name=name]', 'Shredder');
	await tick(page, 'type', 'service');
	await tick(page, 'grant_types', 'client_credentials');
	await summary('Shredder gets tokens for itself.');
	await scope(page, 'invoices:read').check();
	await summary('read (1)');
	await scope(page, 'invoices:delete').check();
	await summary('invoices:delete can destroy data');
	await scope(page, 'invoices:delete').uncheck();
	await page.waitForFunction(() => !document.getElementById('summary').innerText.includes('destroy'));
});

scene('T12 without scripts the summary is renewed on every round', here, { variants: ['nojs'] }, async page => {
	await visit(page, `${NEW}/service`);
	await scope(page, 'invoices:delete').check();
	// Any button that rearranges the form renders it anew.
	await answer(page, () => page.click('[name=do][value="pick:reads"]'));
	assert.match(await page.innerText('#summary'), /read \(\d+\)/);
	assert.doesNotMatch(await page.innerText('#summary'), /can destroy data/);
});

scene('T29 three pasted lines become three rows', here, { permissions: ['clipboard-read', 'clipboard-write'] }, async page => {
	await visit(page, `${NEW}/web`);
	const lines = ['https://a.example/cb', 'https://b.example/cb', 'https://c.example/cb'];
	await page.evaluate(text => navigator.clipboard.writeText(text), lines.join('\n'));
	await page.locator('[name=redirect_uris]').first().focus();
	await page.keyboard.press('Control+V');
	await page.waitForFunction(() => document.querySelectorAll('[data-rows] li').length === 3);
	const values = await page.locator('[data-rows] li input').evaluateAll(inputs => inputs.map(input => input.value));
	assert.deepEqual(values, lines);
	assert.deepEqual(
		await page.locator('[data-rows] li input').evaluateAll(inputs => inputs.map(input => input.getAttribute('aria-label'))),
		['Redirect URI 1', 'Redirect URI 2', 'Redirect URI 3'],
	);
});

const WRONG = [
	['https://a.example/cb#part', /fragment/i],
	['https://*.example/cb', /wildcard/i],
	['http://example.com/cb', /https/i],
];
scene('T29 wrong redirect URIs are refused with words at their row', here, { variants: ['js', 'nojs'], allow: [422] }, async (page, { js }) => {
	await visit(page, `${NEW}/web`);
	await page.fill('[name=name]', 'Returner');
	await scope(page, 'openid').check();
	const row = index => page.locator('[data-rows] li').nth(index);
	for (const [index, [uri]] of WRONG.entries()) {
		if (index > 0) {
			const add = () => page.click('[data-add-row]');
			await (js ? add() : answer(page, add));
		}
		await row(index).locator('input').fill(uri);
	}
	if (js) {
		await row(0).locator('input').focus();
		for (const [index, [, words]] of WRONG.entries()) await row(index).locator('.verdict', { hasText: words }).waitFor();
	}
	const refused = await answer(page, () => page.click('button.primary:text-is("Create client")'));
	assert.equal(refused.status(), 422);
	assert.match(await page.title(), /^Error:/);
	for (const [index, [uri, words]] of WRONG.entries()) {
		assert.equal(await row(index).locator('input').inputValue(), uri);
		assert.match(await row(index).locator('.verdict').innerText(), words);
		assert.equal(await row(index).locator('input').getAttribute('aria-invalid'), 'true');
	}
	assert.ok(await page.evaluate(() => document.activeElement.id === 'errors'));
});

scene('T29 an app on the device may return to any port of loopback, but writes no wildcard', here, { allow: [422] }, async page => {
	const create = async (name, uri) => {
		await visit(page, `${NEW}/native`);
		await page.fill('[name=name]', name);
		await scope(page, 'openid').check();
		await page.locator('[data-rows] input').first().fill(uri);
		return answer(page, () => page.click('button.primary:text-is("Create client")'));
	};
	assert.equal((await create('Loopback wildcard', 'http://127.0.0.1:*/cb')).status(), 422);
	assert.match(await page.locator('[data-rows] .verdict').first().innerText(), /port|wildcard/i);
	assert.equal((await create('Loopback', 'http://127.0.0.1/cb')).status(), 200);
	assert.match(await page.innerText('main'), /There is no secret/);
});

scene('T31 the filter hides ticked scopes without unticking them', here, {}, async page => {
	await visit(page, `${NEW}/service`);
	await page.fill('[name=name]', 'Filtered');
	await scope(page, 'invoices:read').check();
	await scope(page, 'payments:read').check();
	await page.fill('[data-filter]', 'telemetry');
	await page.waitForFunction(() => document.querySelector('[data-unseen]').textContent === '2 selected are hidden');
	assert.ok(await scope(page, 'invoices:read').isHidden());
	await scope(page, 'telemetry:read').check();
	const [posted] = await Promise.all([
		page.waitForRequest(request => request.method() === 'POST' && !request.headers()['x-fragment']),
		answer(page, () => page.click('button.primary:text-is("Create client")')),
	]);
	const sent = new URLSearchParams(posted.postData()).getAll('scopes').map(value => value.split(' ').at(-1));
	assert.deepEqual(sent.sort(), ['invoices:read', 'payments:read', 'telemetry:read']);
});

scene('an error keeps what was typed and leads to the field', here, { variants: ['js', 'nojs'], allow: [422] }, async page => {
	await visit(page, `${NEW}/service`);
	await page.fill('[name=description]', 'kept');
	await scope(page, 'invoices:read').check();
	const refused = await answer(page, () => page.click('button.primary:text-is("Create client")'));
	assert.equal(refused.status(), 422);
	assert.match(await page.title(), /^Error:/);
	assert.equal(await page.inputValue('[name=description]'), 'kept');
	assert.ok(await scope(page, 'invoices:read').isChecked());
	await page.click('#errors a[href="#name"]');
	assert.equal(await page.getAttribute('[name=name]', 'aria-invalid'), 'true');
});
