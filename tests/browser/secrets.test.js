// The one time a secret is seen, and what comes after: where it must not be, how it is copied, rotated and printed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
	ORG, answer, createService, introspect, open, pageOf, scene, serve, texts, token, visit,
} from './harness.js';

let server;
before(async () => { server = await serve({ args: ['--set', 'log.level=debug'] }); });
const here = () => server;
const occurrences = (text, part) => text.split(part).length - 1;

/** Everything the server keeps, as bytes. */
function kept() {
	const files = readdirSync(server.dir).map(name => join(server.dir, name)).filter(path => existsSync(path));
	return files.map(path => ({ path, bytes: readFileSync(path) }));
}

/** An access token for the management API. */
async function management(page) {
	const { id, secret } = await createService(page, 'Management', ['clients:read', 'clients:write', 'audit:read']);
	const { body } = await token(server, id, secret);
	return { authorization: `Bearer ${body.access_token}` };
}

scene('T13 a secret is in the page that made it once, and nowhere else', here, { variants: ['js', 'nojs'] }, async (page, { js }) => {
	const headers = await management(page);
	const made = page.waitForResponse(response => response.request().method() === 'POST' && response.url().endsWith('/service')
		&& !response.request().headers()['x-fragment']);
	const { id, secret, at } = await createService(page, js ? 'Secretive' : 'Secretive, plain');
	assert.match(secret, /^oas_[0-9A-Za-z]{49}$/);
	assert.equal(occurrences(await page.content(), secret), 1);
	const response = await made;
	assert.match(response.headers()['cache-control'], /no-store/);
	assert.equal((await token(server, id, secret)).status, 200);
	const pages = [
		`${ORG}/clients`, `${ORG}/clients?format=csv`, at, `${at}/secrets`, `${at}/access`, `${at}/activity`, `${at}/edit`, `${at}/rotate`,
		`${at}/delete`, `${ORG}/activity`, `${ORG}/activity?format=json`, ORG,
	];
	for (const path of pages) {
		const text = await (await page.request.get(path)).text();
		assert.equal(occurrences(text, secret), 0, path);
	}
	for (const path of [`/api/v1/orgs/acme/clients/${id}`, `/api/v1/clients/${id}`, `/api/v1/orgs/acme/clients`, `/api/v1/orgs/acme/clients/${id}/secrets`]) {
		const text = await (await fetch(server.url + path, { headers })).text();
		assert.equal(occurrences(text, secret), 0, path);
	}
	assert.equal(occurrences(server.log, secret), 0, 'the log');
	assert.ok(server.log.length > 1000, 'there is a log to look at');
	const files = kept();
	assert.ok(files.some(({ path }) => path.endsWith('oauthority.db')));
	for (const { path, bytes } of files) assert.ok(!bytes.includes(secret), path);
	assert.ok(files.some(({ bytes }) => bytes.includes(secret.slice(-6))), 'the hint is kept');
});

test('T14 the back/forward cache is on in this browser', async () => {
	const { page, context } = await open(server, 'ada', { flavour: 'bf' });
	await visit(page, '/help/glossary');
	await page.evaluate(() => { globalThis.kept = true; });
	await visit(page, `${ORG}/clients`);
	await page.goBack({ waitUntil: 'commit' });
	assert.equal(new URL(page.url()).pathname, '/help/glossary');
	assert.equal(await page.evaluate(() => globalThis.kept), true, 'else the next tests prove nothing');
	await context.close();
});

for (const js of [true, false]) {
	const mark = js ? '[bf]' : '[bf] [nojs]';
	for (const way of ['by its link', 'by an address']) {
		test(`T14 who leaves ${way} and goes back meets no secret ${mark}`, async () => {
			const { page, context, troubles } = await open(server, 'ada', { flavour: 'bf', js });
			const { secret } = await createService(page, `Left ${way} ${mark}`);
			await page.click('summary:text-is("Show secret")');
			assert.ok((await page.innerText('main')).includes(secret));
			const leave = way === 'by its link' ? () => page.click('a[data-done]') : () => page.goto(`${ORG}/clients`);
			await answer(page, leave);
			for (let step = 0; step < 2; step++) {
				// Without scripts Back meets the answer to a POST, which the browser does not repeat unasked.
				await page.goBack({ waitUntil: 'commit' }).catch(problem => assert.match(String(problem), /ERR_CACHE_MISS/));
				await page.waitForTimeout(300);
				assert.equal(occurrences(await page.content(), secret), 0);
			}
			await context.close();
			assert.deepEqual(troubles.filter(text => !text.includes('ERR_CACHE_MISS')), []);
		});
	}
}

scene('T14 reloading shows the client and not the secret, and makes no second one', here, {}, async page => {
	const { secret, at } = await createService(page, 'Reloaded');
	await page.reload();
	assert.equal(new URL(page.url()).pathname, at);
	assert.equal(occurrences(await page.content(), secret), 0);
});

scene('C-8 a form that is sent twice shows no second secret', here, { variants: ['nojs'], allow: [409] }, async page => {
	const sent = page.waitForRequest(request => request.method() === 'POST');
	const { secret } = await createService(page, 'Sent twice');
	const request = await sent;
	const again = await page.request.post(request.url(), {
		headers: { ...request.headers(), origin: server.url }, data: request.postData(),
	});
	assert.equal(again.status(), 409);
	const text = await again.text();
	assert.match(text, /sent before/);
	assert.equal(occurrences(text, secret) + occurrences(text, 'oas_'), 0);
});

scene('T17 copy puts the exact secret on the clipboard and says so', here, { permissions: ['clipboard-read', 'clipboard-write'] }, async page => {
	const { id, secret } = await createService(page, 'Copied');
	await page.click('button:has-text("Copy secret")');
	await page.waitForFunction(() => document.getElementById('live').textContent === 'Copied');
	assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
	assert.equal(await page.locator('details.print').getAttribute('open'), null, 'copied without being shown');
	await page.click('button:has-text("Copy as .env")');
	await page.waitForFunction(() => navigator.clipboard.readText().then(text => text.includes('OAUTHORITY_CLIENT_SECRET')));
	const wanted = `OAUTHORITY_ISSUER=${server.url}\nOAUTHORITY_CLIENT_ID=${id}\nOAUTHORITY_CLIENT_SECRET=${secret}\n`;
	assert.equal((await page.evaluate(() => navigator.clipboard.readText())).replaceAll('\r', ''), wanted);
});

scene('T17 where copying is forbidden the secret is selected and the message says how', here, {}, async page => {
	await page.addInitScript(() => {
		Object.defineProperty(navigator.clipboard, 'writeText', { value: async () => { throw new DOMException('no', 'NotAllowedError'); } });
	});
	const { secret } = await createService(page, 'Not copied');
	await page.click('button:has-text("Copy secret")');
	await page.waitForFunction(() => getSelection().toString().length > 0);
	assert.equal(await page.evaluate(() => getSelection().toString()), secret);
	await page.waitForFunction(() => /Press (Ctrl|⌘) C to copy/.test(document.getElementById('live').textContent));
	assert.match(await page.innerText('#copy-failed'), /Press (Ctrl|⌘) C to copy/);
});

scene('T18 a file is downloaded once, under a safe name', here, { variants: ['js', 'nojs'], allow: [410], acceptDownloads: true }, async (page, { js }) => {
	const { id, secret } = await createService(page, 'Über/../export "x"');
	const form = page.locator('form[data-download]:has(button:text-is("Download .env"))');
	const fields = await form.locator('input').evaluateAll(inputs => inputs.map(input => [input.name, input.value]));
	const action = await form.getAttribute('action');
	const [download] = await Promise.all([page.waitForEvent('download'), form.locator('button').click()]);
	assert.match(download.suggestedFilename(), /^[a-z0-9-]+\.env$/);
	const wanted = `OAUTHORITY_ISSUER=${server.url}\nOAUTHORITY_CLIENT_ID=${id}\nOAUTHORITY_CLIENT_SECRET=${secret}\n`;
	assert.equal(readFileSync(await download.path(), 'utf8'), wanted);
	if (!js) return;
	const again = await page.request.post(action, { form: Object.fromEntries(fields), headers: { origin: server.url } });
	assert.equal(again.status(), 410);
	assert.ok(!(await again.text()).includes(secret));
});

scene('T19 the secrets of a client are listed with all that is known but the text', here, {}, async page => {
	await visit(page, `${await pageOf(page, 'Invoice exporter')}/secrets`);
	const columns = (await texts(page.locator('#secrets thead th'))).filter(Boolean);
	for (const column of ['Label', 'Hint', 'Created', 'Last used', 'Expires', 'State']) assert.ok(columns.includes(column), `${columns}`);
	assert.equal(await page.locator('#secrets tbody tr').count(), 2);
	const states = await texts(page.locator('#secrets td[data-l=State]'));
	assert.deepEqual(states.map(text => text.replace(/^\W+/, '')).sort(), ['Active', 'Ending']);
});

scene('T19 the hint is the end of the secret', here, {}, async page => {
	const { secret, at } = await createService(page, 'Hinted');
	await visit(page, `${at}/secrets`);
	assert.deepEqual(await texts(page.locator('#secrets td[data-l=Hint]')), [`…${secret.slice(-6)}`]);
});

const rotate = async (page, at, old = '24h') => {
	await visit(page, `${at}/rotate`);
	await page.check(`[name=old_ends][value="${old}"]`);
	return answer(page, () => page.click('button.primary:text-is("Create new secret")'));
};

scene('T19 a third usable secret is refused until it is said which one ends', here, { variants: ['js', 'nojs'], allow: [409] }, async (page, { js }) => {
	const { id, secret: first, at } = await createService(page, `Third secret${js ? '' : ', plain'}`);
	assert.equal((await rotate(page, at)).status(), 200);
	const second = await page.textContent('#secret');
	const refused = await rotate(page, at);
	assert.equal(refused.status(), 409);
	assert.match(await page.title(), /^Error:/);
	const offered = page.locator('[name=end_first]');
	assert.equal(await offered.count(), 2);
	assert.equal((await token(server, id, first)).status, 200, 'nothing ended silently');
	await page.check(`label:has-text("…${second.slice(-6)}") [name=end_first]`);
	assert.equal((await answer(page, () => page.click('button.primary:text-is("Create new secret")'))).status(), 200);
	const third = await page.textContent('#secret');
	assert.equal((await token(server, id, third)).status, 200);
	assert.equal((await token(server, id, second)).status, 401);
	assert.equal((await token(server, id, first)).status, 200);
});

test('T20 after a rotation with 24 hours both secrets work until then, and a restart changes nothing', async () => {
	const own = await serve();
	const { page, context, troubles } = await open(own, 'ada');
	const { id, secret: old, at } = await createService(page, 'Rotated');
	const begun = Date.now();
	assert.equal((await rotate(page, at, '24h')).status(), 200);
	const fresh = await page.textContent('#secret');
	await context.close();
	const statuses = async () => [await token(own, id, old), await token(own, id, fresh)].map(got => got.status);
	assert.deepEqual(await statuses(), [200, 200]);
	await own.restart();
	assert.deepEqual(await statuses(), [200, 200]);
	const HOURS = 3600_000;
	await own.restart({ now: new Date(begun + 23.9 * HOURS).toISOString() });
	assert.deepEqual(await statuses(), [200, 200]);
	await own.restart({ now: new Date(Date.now() + 24 * HOURS + 1000).toISOString() });
	assert.deepEqual(await statuses(), [401, 200]);
	assert.equal((await token(own, id, old)).body.error, 'invalid_client');
	await own.stop();
	assert.deepEqual(troubles, []);
});

scene('T22 an old secret is given more time, or ends at once; both are on record', here, {}, async page => {
	const { id, secret: old, at } = await createService(page, 'Extended');
	await rotate(page, at, '1h');
	await visit(page, `${at}/secrets`);
	const ends = () => page.locator('#secrets tr:has(.badge:has-text("Ending")) td[data-l=Expires] time').getAttribute('datetime');
	const before = await ends();
	const menu = async item => {
		await page.locator(`#secrets tr:has(code:text-is("…${old.slice(-6)}")) button[popovertarget]`).click();
		await answer(page, () => page.click(`.menu:popover-open a:text-is("${item}")`));
	};
	await menu('Move its end');
	await page.fill('[name=ends_at]', new Date(Date.now() + 5 * 86400_000).toISOString().slice(0, 16));
	await answer(page, () => page.click('button:text-is("Save end")'));
	assert.ok(await ends() > before);
	await menu('End now…');
	await answer(page, () => page.click('button:text-is("End secret now")'));
	assert.equal((await token(server, id, old)).status, 401);
	await visit(page, `${at}/activity`);
	const events = await page.innerText('main');
	assert.match(events, /rotated/);
	assert.match(events, /ended|end of/);
});

scene('T24 the printed slip has the secret and no controls', here, {}, async page => {
	const { secret, at } = await createService(page, 'Printed');
	await page.emulateMedia({ media: 'print' });
	// A closed details element prints open; the size tells whether the text is there.
	const box = await page.locator('#secret').boundingBox();
	assert.ok(box && box.height > 0 && box.width > 50, JSON.stringify(box));
	assert.equal(await page.textContent('#secret'), secret);
	for (const gone of ['header.bar', '.side', '.btn', '.skip']) {
		for (const node of await page.locator(gone).all()) assert.ok(await node.isHidden(), gone);
	}
	await page.emulateMedia({ media: 'screen' });
	await answer(page, () => page.click('a[data-done]'));
	assert.equal(new URL(page.url()).pathname, at);
	await page.emulateMedia({ media: 'print' });
	assert.ok(!(await page.content()).includes(secret));
});

scene('T32 the created page learns of the first token by itself', here, { variants: ['js', 'nojs'] }, async (page, { js }) => {
	const { id, secret } = await createService(page, `Awaited${js ? '' : ', plain'}`);
	assert.match(await page.innerText('main'), /Waiting for the first token…/);
	const { body } = await token(server, id, secret);
	assert.ok(body.access_token);
	if (js) await page.waitForFunction(() => /First token issued [\d:]+ from 127\.0\.0\.1/.test(document.body.innerText), null, { timeout: 8000 });
	else {
		await answer(page, () => page.click('a:text-is("Check now")'));
		assert.match(await page.innerText('main'), /First token issued [\d:]+ from 127\.0\.0\.1/);
	}
	assert.deepEqual(await introspect(server, id, 'wrong', body.access_token).then(got => got.error), 'invalid_client');
});
