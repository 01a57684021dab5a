// Cutting off: disable, delete with the name typed, and the clients that cannot be cut off.
import assert from 'node:assert/strict';
import { before } from 'node:test';
import {
	ORG, answer, createService, introspect, pageOf, scene, serve, texts, token, visit,
} from './harness.js';

let server;
before(async () => { server = await serve(); });
const here = () => server;

/** A client of the same API that asks about tokens. */
async function asker(page, name) {
	const { id, secret } = await createService(page, name);
	return async bearer => (await introspect(server, id, secret, bearer)).active;
}

scene('T25 a wrong name deletes nothing and says so where the focus is', here, { variants: ['js', 'nojs'], allow: [422] }, async page => {
	const at = await pageOf(page, 'CI pipeline 3');
	await visit(page, `${at}/delete`);
	await page.fill('[name=confirm]', 'CI pipeline 33');
	const refused = await answer(page, () => page.click('button.danger'));
	assert.equal(refused.status(), 422);
	assert.match(await page.title(), /^Error:/);
	assert.match(await page.locator(':focus').innerText(), /There is a problem/);
	assert.equal(await page.inputValue('[name=confirm]'), 'CI pipeline 33');
	await visit(page, at);
	assert.match(await page.innerText('.head'), /Active/);
});

scene('T25 the right name deletes for good: no token, no secret, a record that stays', here, { variants: ['js', 'nojs'] }, async (page, { js }) => {
	const name = `Doomed${js ? '' : ', plain'}`;
	const active = await asker(page, `Asker of ${name}`);
	const { id, secret, at } = await createService(page, name);
	const { body } = await token(server, id, secret);
	assert.equal(await active(body.access_token), true);
	await visit(page, `${at}/delete`);
	assert.match(await page.innerText('main'), /1\s+access token is refused at once/);
	await page.fill('[name=confirm]', name);
	await answer(page, () => page.click('button.danger'));
	assert.equal(new URL(page.url()).pathname, `${ORG}/clients`);
	assert.match(await page.innerText('main'), new RegExp(`${name} was deleted`));
	assert.equal(await active(body.access_token), false);
	assert.equal((await token(server, id, secret)).body.error, 'invalid_client');
	await visit(page, at);
	assert.match(await page.innerText('main'), /Deleted .* It cannot be brought back/);
	const controls = await texts(page.locator('main .head .actions a, main .head .actions button'));
	assert.deepEqual(controls, ['Create a new one like this']);
});

scene('T25 the client ID is accepted for a name that is hard to type', here, {}, async page => {
	const at = await pageOf(page, '<b>x</b>');
	await visit(page, `${at}/delete`);
	await page.fill('[name=confirm]', at.split('/').at(-1));
	await answer(page, () => page.click('button.danger'));
	assert.match(await page.innerText('main'), /<b>x<\/b> was deleted/);
});

scene('T25 an archived client gives its settings to a new one', here, {}, async page => {
	const at = await pageOf(page, 'Old exporter');
	await visit(page, at);
	await answer(page, () => page.click('text=Create a new one like this'));
	assert.match(await page.inputValue('[name=name]'), /Old exporter/);
	assert.ok(await page.isChecked('.scope:has(code:text-is("workspace:read")) input'));
});

scene('T27 a client in use is shown in red, with a way that can be undone, and Keep it in focus', here, { variants: ['js', 'nojs'] }, async page => {
	const at = await pageOf(page, 'Telemetry ingest');
	await visit(page, `${at}/delete`);
	assert.equal(await page.locator(':focus').innerText(), 'Keep it');
	const line = page.locator('li.bad:has-text("Last used")');
	assert.match(await line.innerText(), /Last used .* from 198\.51\.100\.7/);
	await answer(page, () => line.locator('a:text-is("Disable instead")').click());
	assert.equal(new URL(page.url()).pathname, `${at}/disable`);
	await visit(page, `${await pageOf(page, 'Warehouse export')}/delete`);
	assert.equal(await page.locator('li.bad').count(), 0);
	assert.equal(await page.locator('a:text-is("Disable instead")').count(), 0);
});

scene('T27 the delete page opens beside the list too, with the focus on Keep it', here, {}, async page => {
	const at = await pageOf(page, 'Telemetry ingest');
	await visit(page, at);
	await answer(page, () => page.click('.head .actions a.danger'));
	assert.equal(await page.locator(':focus').innerText(), 'Keep it');
});

scene('disabling stops tokens at once, and enabling does not bring them back', here, { variants: ['js', 'nojs'] }, async (page, { js }) => {
	const active = await asker(page, `Asker ${js}`);
	const { id, secret, at } = await createService(page, `Paused ${js}`);
	const { body } = await token(server, id, secret);
	await visit(page, `${at}/disable`);
	await page.fill('[name=reason]', 'Looks abandoned');
	await answer(page, () => page.click('button.danger'));
	assert.equal(await active(body.access_token), false);
	assert.equal((await token(server, id, secret)).body.error, 'invalid_client');
	await visit(page, at);
	assert.match(await page.innerText('main'), /Disabled .* by ada[\s\S]*Looks abandoned/i);
	await answer(page, () => page.click('main .head a:text-is("Enable")'));
	await answer(page, () => page.click('button:text-is("Enable client")'));
	assert.equal(await active(body.access_token), false);
	assert.equal((await token(server, id, secret)).status, 200);
});

for (const [name, id] of [
	['Admin Client', 'oa_admin_client'], ['Sync Service Client', 'oa_sync_client'],
	['Mobile App', 'oauthority-mobile-app'], ['Desktop Agent', 'oauthority-desktop-agent'],
]) {
	scene(`T76 ${name} cannot be renamed, disabled or deleted`, here, { allow: [409] }, async page => {
		const at = `${ORG}/clients/${id}`;
		await visit(page, at);
		assert.match(await page.innerText('main'), /nobody can rename, disable or delete it/);
		const offered = await texts(page.locator('main .head .actions :is(a, button)'));
		assert.ok(offered.every(text => text === 'Rotate secret'), `${offered}`);
		for (const path of ['edit', 'disable', 'delete']) {
			await visit(page, `${at}/${path}`, 409);
			assert.match(await page.innerText('main'), /system client/i);
		}
		await visit(page, `${ORG}/clients`);
		const csrf = await page.locator('[name=csrf]').first().inputValue();
		const posts = [
			['edit', { name: 'Mine now', grant_types: 'client_credentials' }], ['disable', {}], ['delete', { confirm: name }],
		];
		for (const [path, form] of posts) {
			const refused = await page.request.post(`${at}/${path}`, { form: { csrf, ...form }, headers: { origin: server.url } });
			assert.equal(refused.status(), 409, path);
		}
		await visit(page, at);
		assert.equal(await page.innerText('h1'), name);
		assert.match(await page.innerText('.head'), /Active/);
	});
}
