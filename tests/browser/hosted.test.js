// What people meet on the way to an app: sign-in, consent, and the way back; and how they take it back.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { HOME, VERIFIER, arrivals, arrived, createWebApp, redeem, request, startApps } from './apps.js';
import { PASSWORD, answer, idsByName, open, scene, serve, texts, visit } from './harness.js';

const TRANSACTION = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
	+ "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";
const ALL = 'openid profile email offline_access invoices:read';
const AWAY = 'https://travel.acme.example/callback';
const MISREAD = 'https://sign-in.acme.example.com.accounts.partner-portal.example/callback';

let server;
const app = {};
before(async () => {
	await startApps();
	server = await serve();
	const { page, context } = await open(server, 'ada');
	const ids = await idsByName(page);
	app.planner = { id: ids.get('Travel planner'), redirect_uri: AWAY };
	app.partner = { id: ids.get('Partner portal'), redirect_uri: MISREAD };
	app.portal = { id: ids.get('Customer portal'), redirect_uri: 'https://app.acme.example/callback' };
	await context.close();
});
const here = () => server;
const both = { variants: ['js', 'nojs'], flavour: 'apps' };

/** Presses a button of the page and waits until the person is where the app has sent him on to. */
async function goBack(page, button) {
	const before = arrivals.length;
	await page.click(button);
	await page.waitForURL(HOME);
	assert.equal(arrivals.length, before + 1, 'the app was reached once');
	assert.equal(arrivals.at(-1).referer, undefined, 'the app is not told where he comes from');
	return arrived();
}

scene('T37 consent says who asks, for whom, for what, and where it leads', here, both, async page => {
	await visit(page, request(app.planner, `${ALL} invoices:write`, { prompt: 'consent' }));
	assert.match(await page.innerText('h1'), /Travel planner/);
	assert.equal(await page.innerText('#publisher'), 'Acme Energy');
	assert.match(await page.innerText('.lead'), /travel\.acme\.example/);
	assert.match(await page.innerText('#account'), /Ada Byron \(ada\)/);
	assert.equal(await page.innerText('#destination b'), 'acme.example');
	assert.match(await page.innerText('#destination'), /travel\.acme\.example/);
	const wishes = await texts(page.locator('#consent .wish'));
	for (const words of ['Know that it is you', 'See your name and profile', 'See your e-mail address', 'See invoices', 'Create and change invoices (optional)', 'Keep this access']) {
		assert.ok(wishes.some(wish => wish.startsWith(words)), `${words}: ${wishes.join(' | ')}`);
	}
	const names = await page.locator('#consent .wish code').allTextContents();
	assert.deepEqual(names.sort(), `${ALL} invoices:write`.split(' ').sort());
	// Nothing extra is ticked beforehand, and neither answer is easier to give.
	assert.equal(await page.locator('#consent input:checked').count(), 0);
	const [deny, allow] = [await page.locator('#deny').boundingBox(), await page.locator('#allow').boundingBox()];
	assert.ok(Math.abs(deny.width - allow.width) < 1 && deny.height === allow.height && deny.x < allow.x && deny.y === allow.y, JSON.stringify([deny, allow]));
	const look = selector => page.locator(selector).evaluate(node => ['backgroundColor', 'color', 'fontWeight', 'borderTopColor'].map(name => getComputedStyle(node)[name]));
	assert.deepEqual(await look('#deny'), await look('#allow'));
});

scene('T37 of a host that is meant to be misread the registrable part stands out', here, both, async page => {
	await visit(page, request(app.partner, 'openid profile invoices:read'));
	assert.equal(await page.innerText('#destination b'), 'partner-portal.example');
	assert.match(await page.innerText('#destination'), /sign-in\.acme\.example\.com\.accounts\.partner-portal\.example/);
});

scene('T39 who denies is led back with access_denied, state and iss', here, both, async page => {
	await visit(page, request(app.planner, ALL, { prompt: 'consent' }));
	const told = await goBack(page, '#deny');
	assert.equal(told.error, 'access_denied');
	assert.equal(told.state, 'st&te="1"');
	assert.equal(told.iss, server.url);
	assert.equal(told.code, undefined);
});

scene('T39 T48 J-7 who allows is led back with a code, although the app sends him on to a second origin', here, both, async page => {
	await visit(page, request(app.planner, ALL, { prompt: 'consent' }));
	const told = await goBack(page, '#allow');
	assert.ok(told.code);
	assert.equal(told.state, 'st&te="1"');
	assert.equal(told.iss, server.url);
});

scene('T39 T48 J-7 a sign-in on the way leads on through consent to the app', here, { ...both, as: '' }, async page => {
	await visit(page, request(app.planner, ALL, { prompt: 'consent' }));
	await page.fill('#sign-in [name=username]', 'mel');
	await page.fill('#sign-in [name=password]', PASSWORD);
	await answer(page, () => page.click('#sign-in button[type=submit]'));
	assert.match(await page.innerText('#account'), /Mel Okafor/);
	assert.ok((await goBack(page, '#allow')).code);
});

scene('T39 a sign-in where nothing has to be asked leads straight to the app and on', here, { ...both, as: '' }, async page => {
	await visit(page, request(app.portal, 'openid profile invoices:read'));
	await page.fill('#sign-in [name=username]', 'mel');
	await page.fill('#sign-in [name=password]', PASSWORD);
	assert.ok((await goBack(page, '#sign-in button[type=submit]')).code);
});

scene('T40 an unchanged request is not asked about; of a larger one only what is new is marked', here, { flavour: 'apps', as: 'mel' }, async page => {
	const before = arrivals.length;
	await page.goto(request(app.planner, ALL));
	assert.equal(page.url(), HOME);
	assert.equal(arrivals.length, before + 1);
	assert.ok(arrived().code);

	await visit(page, request(app.planner, `${ALL} invoices:write`));
	const marked = await texts(page.locator('#consent .wish:has(.badge:text("New"))'));
	assert.equal(marked.length, 1, marked.join(' | '));
	assert.match(marked[0], /^Create and change invoices/);
	await page.check('#consent .wish input[type=checkbox]');
	assert.ok((await goBack(page, '#allow')).code);

	await page.goto(request(app.planner, `${ALL} invoices:write`));
	assert.equal(page.url(), HOME);
});

scene('T45 T48 an app that is removed stops at once, and the removal is in my activity', here, { ...both, allow: [400] }, async (page, { js }) => {
	const name = js ? 'Trip log' : 'Trip log without scripts';
	const { page: adas, context } = await open(server, 'ada');
	const made = await createWebApp(adas, name, 'https://trips.acme.example/callback', ['openid', 'offline_access', 'invoices:read']);
	await context.close();
	await visit(page, request(made, 'openid offline_access invoices:read'));
	const { code } = await goBack(page, '#allow');
	const first = await redeem(server, made, { grant_type: 'authorization_code', code, redirect_uri: made.redirect_uri, code_verifier: VERIFIER });
	assert.equal(first.status, 200, JSON.stringify(first.body));
	const second = await redeem(server, made, { grant_type: 'refresh_token', refresh_token: first.body.refresh_token });
	assert.equal(second.status, 200, JSON.stringify(second.body));

	await visit(page, '/me/apps');
	const row = page.locator('#apps tbody tr', { has: page.getByRole('link', { name, exact: true }).or(page.locator(`th:has-text("${name}")`)) }).first();
	assert.match(await row.innerText(), /See invoices/);
	assert.match(await row.innerText(), /trips\.acme\.example/);
	await answer(page, () => page.click(`a[aria-label="Remove ${name}"]`));
	assert.match(await page.innerText('#impact'), /stops? working at once/);
	assert.match(await page.innerText('#impact'), /while you are away/);
	await answer(page, () => page.click('button.danger:text-is("Remove access")'));
	assert.match(await page.innerText('main'), new RegExp(`${name} has no access any more`));
	assert.equal(await page.locator(`a[aria-label="Remove ${name}"]`).count(), 0);

	const dead = await redeem(server, made, { grant_type: 'refresh_token', refresh_token: second.body.refresh_token });
	assert.deepEqual([dead.status, dead.body.error], [400, 'invalid_grant']);
	await visit(page, '/me/activity');
	assert.match(await page.innerText('main'), new RegExp(name));
});

scene('form_post: the answer is posted, by itself where scripts run', here, { ...both, as: 'mel' }, async (page, { js }) => {
	const before = arrivals.length;
	const asked = request(app.portal, 'openid profile invoices:read', { response_mode: 'form_post' });
	if (js) {
		await page.goto(asked, { waitUntil: 'commit' });
		await page.waitForURL(HOME);
	} else {
		const page_ = await visit(page, asked);
		assert.equal(page_.headers()['content-security-policy'], TRANSACTION);
		assert.match(await page.innerText('main'), /app\.acme\.example/);
		await goBack(page, '#form-post button');
	}
	assert.equal(arrivals.length, before + 1);
	const { method, type, host, params } = arrivals.at(-1);
	assert.deepEqual([method, type, host], ['POST', 'application/x-www-form-urlencoded', 'app.acme.example']);
	assert.deepEqual([...params.keys()].sort(), ['code', 'iss', 'state']);
	assert.equal(params.get('state'), 'st&te="1"');
	assert.equal(params.get('iss'), server.url);
});

scene('a request that cannot be trusted ends at a page that says why', here, { ...both, allow: [400] }, async page => {
	const before = arrivals.length;
	await visit(page, request(app.planner, 'openid', { redirect_uri: 'https://travel.acme.example/callback/x' }), 400);
	await page.click('#technical summary');
	assert.equal(await page.innerText('#technical mark'), '/x');
	await visit(page, '/consent?tx=nonsense', 400);
	assert.match(await page.innerText('h1'), /expired/);
	assert.equal(arrivals.length, before);
});

test('T49 T50 pages inside a transaction have their policy and nothing inline', async () => {
	const { page, context, troubles } = await open(server, 'ada', { flavour: 'apps', allow: [400] });
	const paths = [
		request(app.planner, ALL, { prompt: 'consent' }), request(app.partner, 'openid profile invoices:read'),
		request(app.planner, 'openid', { redirect_uri: 'https://elsewhere.example/' }), '/consent?tx=nonsense',
		request(app.portal, 'openid profile invoices:read', { response_mode: 'form_post' }),
	];
	for (const path of paths) {
		const got = await page.request.get(path, { headers: { accept: 'text/html' } });
		const [text, headers] = [await got.text(), got.headers()];
		assert.equal(headers['content-security-policy'], TRANSACTION, path);
		assert.equal(headers['x-frame-options'], 'DENY', path);
		assert.equal(headers['cache-control'], 'no-store', path);
		assert.equal(headers['referrer-policy'], 'same-origin', path);
		assert.doesNotMatch(text, /<style[\s>]/i, path);
		assert.doesNotMatch(text, /<script(?![^>]*\ssrc=)[^>]*>/i, path);
		for (const [tag] of text.matchAll(/<[a-z][^<>]*>/gi)) assert.doesNotMatch(tag.replace(/="[^"]*"/g, '=""'), /\s(style|on\w+)=/i, tag);
	}
	await context.close();
	assert.deepEqual(troubles, []);
});
