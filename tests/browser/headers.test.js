// What travels with every page: the policy, nothing inline, nothing from elsewhere; and words that are never said.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { crawl, open, scene, serve, visit } from './harness.js';

const CONSOLE = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
	+ "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

let server;
let pages;
before(async () => {
	server = await serve();
	const { page, context } = await open(server, 'ada');
	pages = await crawl(page, server);
	await context.close();
});

test('the crawl has met the pages there are', t => {
	const met = [...pages.keys()];
	t.diagnostic(`${met.length} pages`);
	const kinds = [
		/^\/orgs\/acme$/, /\/clients$/, /\/clients\/new$/, /\/clients\/new\/custom$/, /\/clients\/new\/sync-connector$/,
		/\/clients\/oac_\w+$/, /\/edit$/, /\/secrets$/, /\/access$/, /\/clients\/oac_\w+\/activity$/, /\/rotate$/, /\/disable$/, /\/delete$/,
		/\/apis$/, /\/apis\/new$/, /\/apis\/[^/]+$/, /\/people$/, /\/people\/new$/, /\/activity$/, /\/settings$/, /^\/me\/preferences$/,
		/^\/help\/shortcuts$/, /^\/help\/glossary$/,
	];
	for (const kind of kinds) assert.ok(met.some(path => kind.test(path)), `${kind}: ${met.join(' ')}`);
});

test('every link of the console leads somewhere', () => {
	const broken = [...pages].filter(([, page]) => page.status !== 200).map(([path, page]) => `${page.status} ${path} on ${page.from}`);
	assert.deepEqual(broken, []);
});

test('T49 every console page has the policy of the console', () => {
	for (const [path, { headers }] of pages) {
		if (!headers['content-type']?.startsWith('text/html')) continue;
		assert.equal(headers['content-security-policy'], CONSOLE, path);
		assert.equal(headers['x-content-type-options'], 'nosniff', path);
		assert.equal(headers['referrer-policy'], 'same-origin', path);
		assert.equal(headers['cross-origin-opener-policy'], 'same-origin', path);
		assert.equal(headers['cache-control'], 'no-store', path);
		assert.match(headers['permissions-policy'], /clipboard-write=\(self\)/, path);
	}
});

test('T49 sign-in, problems and refusals have it too', async () => {
	const { page, context } = await open(server, '', { allow: [404] });
	for (const [path, status] of [['/login', 200], ['/nowhere', 404], ['/setup/nonsense', 410]]) {
		const answer = await page.request.get(path, { headers: { accept: 'text/html' } });
		assert.equal(answer.status(), status, path);
		assert.equal(answer.headers()['content-security-policy'], CONSOLE, path);
		assert.equal(answer.headers()['cache-control'], 'no-store', path);
	}
	await context.close();
});

test('T50 nothing is inline in any answer', () => {
	for (const [path, { text }] of pages) {
		assert.doesNotMatch(text, /<style[\s>]/i, path);
		assert.doesNotMatch(text, /<script(?![^>]*\ssrc=)[^>]*>/i, path);
		// Inside a tag only: what people write may say anything.
		for (const [tag] of text.matchAll(/<[a-z][^<>]*>/gi)) {
			assert.doesNotMatch(tag.replace(/="[^"]*"/g, '=""'), /\s(style|on\w+)=/i, `${path}: ${tag}`);
		}
		assert.doesNotMatch(text, /\s(?:src|href|action)="(?:https?:)?\/\//i, path);
	}
});

test('T11 nothing is promised for later', () => {
	for (const [path, { text }] of pages) assert.doesNotMatch(text, /coming soon/i, path);
});

scene('T50 a page in use asks nobody else and violates no policy', () => server, {}, async page => {
	// The scene itself fails on foreign requests and violations.
	for (const path of [...pages.keys()].filter(path => !path.includes('oac_')).slice(0, 40)) {
		if (pages.get(path).headers['content-type']?.startsWith('text/html')) await visit(page, path);
	}
});

test('T50 what the pages load is there, immutable and held to its digest', async () => {
	const links = new Set([...pages.values()].flatMap(({ text }) => [...text.matchAll(/"(\/assets\/[^"#]+)/g)].map(([, url]) => url)));
	assert.ok(links.size >= 4, [...links].join(' '));
	for (const url of links) {
		const answer = await fetch(server.url + url);
		assert.equal(answer.status, 200, url);
		assert.match(answer.headers.get('cache-control'), /immutable/);
	}
	const [{ text }] = pages.values();
	for (const [tag] of text.matchAll(/<(?:script|link rel="stylesheet")[^>]*>/g)) assert.match(tag, /integrity="sha384-/);
});

for (const alias of ['/settings/oauth-clients', '/configuration/oauth-clients', '/configuration/oauth-scopes', '/Orgs/ACME/clients/']) {
	scene(`${alias} is another name of a page`, () => server, {}, async page => {
		const moved = await page.request.get(alias, { maxRedirects: 0, headers: { accept: 'text/html' } });
		assert.equal(moved.status(), 308);
		await visit(page, alias);
		assert.match(page.url(), /\/orgs\/acme\/(clients|apis)$/);
	});
}
