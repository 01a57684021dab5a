// Who may do what: the auditor sees all and changes nothing, a member has pages of his own, strangers meet a 404.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { ORG, PASSWORD, crawl, open, pageOf, scene, serve, texts, visit } from './harness.js';

let server;
before(async () => { server = await serve(); });
const here = () => server;

test('T71 no page of the auditor has a control that changes anything', async t => {
	const { page, context, troubles } = await open(server, 'aud');
	const pages = await crawl(page, server, ORG);
	t.diagnostic(`${pages.size} pages`);
	const own = /^\/(me|help|login)(\/|$)/;
	for (const [path, { text, status, from, forms }] of pages) {
		assert.equal(status, 200, `${path} on ${from}`);
		if (own.test(path)) continue;
		// Signing out changes nothing but the session, and looking into a token nothing at all.
		const harmless = ['/logout', `${ORG}/tools/token`];
		assert.deepEqual(forms.filter(action => !harmless.includes(action)), [], path);
		assert.doesNotMatch(path, /\/(new|edit|rotate|disable|enable|delete)(\/|$)/, `${path} on ${from}`);
		assert.doesNotMatch(text, /href="[^"]*\/(edit|rotate|disable|enable|delete)"/, path);
	}
	await context.close();
	assert.deepEqual(troubles, []);
});

scene('T71 the auditor is told once why nothing can be changed', here, { as: 'aud' }, async page => {
	await visit(page, `${ORG}/clients`);
	assert.equal(await page.locator('.strip').count(), 1);
	assert.match(await page.innerText('.strip'), /audit|read|change/i);
	assert.equal(await page.locator('text="Create client"').count(), 0);
	assert.equal(await page.locator('#clients tbody input[type=checkbox]').count(), 0);
	await visit(page, `${await pageOf(page, 'Invoice exporter')}/secrets`);
	assert.deepEqual([...new Set(await texts(page.locator('#secrets td[data-l=Hint]')))], ['hidden']);
});

const deeds = [
	['/edit', { name: 'Changed', grant_types: 'client_credentials' }], ['/rotate', { old_ends: 'now', once: 'x'.repeat(22) }],
	['/disable', {}], ['/enable', {}], ['/delete', { confirm: 'HR sync' }], ['/secrets', { do: 'end', secret: 'sec_1' }],
	['/access', { do: 'trim' }], ['/transfer', { to: 'globex', confirm: 'HR sync' }], ['/grants/all', {}], ['/try/token', { once: 'x'.repeat(22) }],
	['/try/revoke', { token: 'x' }],
];
scene('T71 what the auditor posts himself is refused', here, { as: 'aud', allow: [403] }, async page => {
	const at = await pageOf(page, 'HR sync');
	await visit(page, '/me/preferences');
	const csrf = await page.locator('main [name=csrf]').first().inputValue();
	const post = async (path, form = {}) => (await page.request.post(path, { form: { csrf, ...form }, headers: { origin: server.url } })).status();
	for (const [path, form] of deeds) assert.equal(await post(at + path, form), 403, path);
	assert.equal(await post(`${ORG}/clients`, { do: 'disable', id: at.split('/').at(-1) }), 403);
	assert.equal(await post(`${ORG}/clients/new/service`, { name: 'Mine', once: 'x'.repeat(22) }), 403);
	for (const path of ['/people/new', '/apis/new', '/settings', '/settings/webhooks/new']) assert.equal(await post(ORG + path, { name: 'x', username: 'x', role: 'admin' }), 403, path);
	for (const path of ['/clients/new', '/clients/new/custom', '/people/new', '/apis/new']) await visit(page, ORG + path, 403);
	await visit(page, at);
	assert.match(await page.innerText('.head'), /HR sync[\s\S]*Active/);
});

scene('a member lands on a page of his own', here, { as: 'mel', allow: [403] }, async page => {
	await visit(page, '/');
	assert.match(await page.innerText('main'), /Acme Energy/);
	await visit(page, `${ORG}/clients`, 403);
	assert.match(await page.innerText('main'), /Admins: Ada Byron/);
});

scene('objects of another organisation are as unknown as those that never were', here, { as: 'aud', allow: [404] }, async (page, { server }) => {
	const operator = await open(server, 'ope');
	const [foreign] = await operator.page.request.get('/orgs/globex/clients?format=csv')
		.then(answer => answer.text()).then(text => text.match(/oac_\w+/));
	await operator.context.close();
	const seen = async path => (await (await visit(page, path, 404)).text()).replaceAll(path.split('/').at(-1), '').replace(/req_\w+/g, '');
	assert.equal(await seen(`${ORG}/clients/${foreign}`), await seen(`${ORG}/clients/oac_aaaaaaaaaaaaaaaaaaaa`));
	await visit(page, '/orgs/globex/clients', 404);
});

scene('a wrong password does not say which half was wrong', here, { as: '', variants: ['js', 'nojs'], allow: [401] }, async page => {
	const attempt = async (user, password) => {
		await page.goto('/login');
		await page.fill('[name=username]', user);
		await page.fill('[name=password]', password);
		await page.click('button[type=submit]');
		await page.waitForSelector('#errors');
		return page.innerText('#errors');
	};
	assert.equal(await attempt('ada', 'not the password at all'), await attempt('nobody', PASSWORD));
	assert.match(await page.title(), /^Error:/);
});

scene('signing out ends the session', here, { as: 'aud', fresh: true }, async page => {
	await visit(page, ORG);
	const csrf = await page.locator('form[action="/logout"] [name=csrf]').getAttribute('value');
	await page.request.post('/logout', { form: { csrf }, headers: { origin: server.url } });
	await visit(page, `${ORG}/clients`);
	assert.match(page.url(), /\/login\?return_to=/);
});
