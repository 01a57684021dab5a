// Drives the built program with a real browser. A stage is a server with the demonstration on an empty data directory; a
// scene is a test with a page of its own, which fails on anything the page should not do.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const PASSWORD = 'plain-walnut-orbit-tests';
export const ORG = '/orgs/acme';

// The browser speaks to nobody but the server under test.
const SWITCHES = [
	'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

export function program() {
	const built = ['ci', 'release', 'debug'].map(profile => join(ROOT, 'target', profile, 'oauthority'));
	const found = [process.env.OAUTHORITY_BIN, ...built].find(path => path && existsSync(path));
	if (!found) throw new Error('build the program first: cargo build --profile ci');
	return found;
}

async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

/** A running server. `log` is everything it has written. */
export class Server {
	constructor(dir, port, dev) {
		Object.assign(this, { dir, port, dev, url: `http://localhost:${port}`, log: '', child: null });
	}

	/** Starts it; `now` is the time its clock shows. */
	async start({ now, args = [], env = {} } = {}) {
		const dev = this.dev ? ['--dev', '--dev-password', PASSWORD] : [];
		const data = ['--listen', `127.0.0.1:${this.port}`, '--data-dir', this.dir];
		const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OAUTHORITY_')));
		const child = spawn(program(), ['serve', ...data, ...dev, ...args], {
			cwd: this.dir,
			env: { ...clean, ...(now && { OAUTHORITY_TEST_NOW: now }), ...env },
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		this.child = child;
		for (const stream of [child.stdout, child.stderr]) stream.on('data', text => { this.log += text; });
		for (let tries = 0; tries < 600; tries++) {
			if (child.exitCode !== null) break;
			try {
				if ((await fetch(`${this.url}/health/ready`)).ok) return this;
			} catch { /* not listening yet */ }
			await sleep(50);
		}
		throw new Error(`the server does not start:\n${this.log}`);
	}

	async stop() {
		const { child } = this;
		if (child && child.exitCode === null && child.signalCode === null) {
			const gone = once(child, 'exit');
			child.kill('SIGTERM');
			if (!await Promise.race([gone, sleep(10000, null, { ref: false })])) child.kill('SIGKILL');
		}
		this.child = null;
	}

	/** Stops it and starts it on the same data. */
	async restart(options) {
		await this.stop();
		return this.start(options);
	}
}

const begun = new Set();
process.on('exit', () => begun.forEach(server => { server.child?.kill('SIGKILL'); }));

/** Starts a server on an empty data directory; it goes with the file of tests that asked for it. */
export async function serve({ dev = true, ...options } = {}) {
	const server = new Server(mkdtempSync(join(tmpdir(), 'oauthority-')), await freePort(), dev);
	begun.add(server);
	await server.start(options);
	return server;
}

const browsers = new Map();
const APPS = /^https:\/\/[\w.-]+\.example\//;
/** Where apps.js listens. */
export const appsPort = await freePort();
const FLAVOURS = {
	usual: { args: SWITCHES },
	// Every app below `.example` is the server that apps.js starts; nothing else is reached.
	apps: { args: [...SWITCHES, `--host-resolver-rules=MAP *.example 127.0.0.1:${appsPort}`] },
	// The back/forward cache as it is for people; Playwright turns it off.
	bf: {
		args: [...SWITCHES, '--enable-features=CacheControlNoStoreEnterBackForwardCache'],
		ignoreDefaultArgs: ['--disable-back-forward-cache'],
	},
};

async function browser(flavour = 'usual') {
	if (!browsers.has(flavour)) {
		const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
		browsers.set(flavour, chromium.launch({ executablePath, ...FLAVOURS[flavour] }));
	}
	return browsers.get(flavour);
}

/** Closes browsers and servers; a file of tests does so by itself. */
export async function close() {
	for (const one of browsers.values()) await (await one).close();
	for (const server of begun) {
		await server.stop();
		rmSync(server.dir, { recursive: true, force: true });
	}
}
after(close);

/** Whatever a page must not do, gathered. `allow` is a list of HTTP statuses that the test provokes; `apps` are other origins. */
async function watch(context, server, allow, apps) {
	const troubles = [];
	const say = text => troubles.push(text);
	const allowed = text => allow.some(status => text.includes(`status of ${status}`));
	await context.exposeBinding('reportViolation', (_, text) => say(`content security policy: ${text}`)).catch(() => {});
	await context.addInitScript(() => {
		document.addEventListener('securitypolicyviolation', event => {
			globalThis.reportViolation?.(`${event.violatedDirective} ${event.blockedURI} on ${location.href}`);
		});
	});
	context.on('console', message => {
		if (message.type() === 'error' && !allowed(message.text())) say(`console: ${message.text()} (${message.location().url})`);
	});
	context.on('weberror', error => say(`script: ${error.error()?.stack ?? error.error()}`));
	context.on('request', request => {
		if (/^https?:/.test(request.url()) && new URL(request.url()).origin !== server.url && !apps.test(request.url())) say(`foreign request: ${request.url()}`);
	});
	context.on('requestfailed', request => {
		// A newer search, or another page, replaces an unfinished request; a download is not a page.
		if (!/ERR_ABORTED|ERR_BLOCKED_BY_CLIENT/.test(request.failure()?.errorText)) say(`failed: ${request.url()} ${request.failure()?.errorText}`);
	});
	context.on('response', response => {
		if (response.status() >= 500) say(`${response.status()} from ${response.url()}`);
	});
	return troubles;
}

const cookies = new Map();

/** Signs in through the form. */
export async function signIn(page, user, password = PASSWORD) {
	await page.goto('/login');
	await page.fill('[name=username]', user);
	await page.fill('[name=password]', password);
	await page.click('button[type=submit]');
	await page.waitForURL(url => url.pathname !== '/login');
}

/**
 * A page, signed in as `user` unless that is empty. `js: false` turns scripts off; `scripts: 'blocked'` leaves them on but
 * none arrives; `flavour: 'bf'` has the back/forward cache, `flavour: 'apps'` reaches apps.js; the rest is Playwright's.
 */
export async function open(server, user, { js = true, scripts, flavour, allow = [], width = 1280, fresh = false, ...options } = {}) {
	const key = `${server.url} ${user}`;
	if (user && (!cookies.has(key) || fresh)) {
		const context = await (await browser()).newContext({ baseURL: server.url });
		await signIn(await context.newPage(), user);
		cookies.set(key, await context.storageState());
		await context.close();
	}
	const context = await (await browser(flavour)).newContext({
		baseURL: server.url,
		javaScriptEnabled: js,
		viewport: { width, height: 900 },
		storageState: user ? cookies.get(key) : undefined,
		ignoreHTTPSErrors: flavour === 'apps',
		...options,
	});
	context.setDefaultTimeout(10000);
	const troubles = await watch(context, server, allow, flavour === 'apps' ? APPS : /^$/);
	if (scripts === 'blocked') await context.route('**/*.js', route => route.abort('blockedbyclient'));
	const page = await context.newPage();
	page.on('dialog', dialog => dialog.accept().catch(() => {}));
	return { page, context, troubles };
}

/**
 * A test with a page. `server` is a function, because servers start after tests are declared. `variants` repeats it:
 * `nojs` without scripts.
 */
export function scene(name, server, { as = 'ada', variants = ['js'], ...options }, act) {
	for (const variant of variants) {
		const mark = variant === 'js' ? '' : ` [${variant}]`;
		test(name + mark, async t => {
			const js = variant !== 'nojs';
			const opened = await open(server(), as, { js, ...options });
			try {
				await act(opened.page, { t, js, server: server(), ...opened });
			} catch (problem) {
				problem.message += `\n  at ${opened.page.url()}${opened.troubles.map(text => `\n  ${text}`).join('')}`;
				throw problem;
			} finally {
				await opened.context.close();
			}
			assert.deepEqual(opened.troubles, []);
		});
	}
}

/** The texts of all elements that match. */
export const texts = async locator => (await locator.allInnerTexts()).map(text => text.replace(/\s+/g, ' ').trim());

/** The status of a page that is opened. */
export async function visit(page, path, status = 200) {
	const answer = await page.goto(path);
	assert.equal(answer.status(), status, `${path} answers ${answer.status()}`);
	return answer;
}

/** The main frame's answer to what `act` does, once the new page is there. */
export async function answer(page, act) {
	const [response] = await Promise.all([
		page.waitForResponse(response => response.request().isNavigationRequest() && response.status() !== 303),
		page.waitForEvent('domcontentloaded'),
		act(),
	]);
	await page.waitForLoadState();
	return response;
}

/** Client ids by name, over all pages of the list, as the CSV has them. */
export async function idsByName(page, query = '') {
	const csv = await (await page.request.get(`${ORG}/clients?format=csv${query && `&${query}`}`)).text();
	const [head, ...rows] = records(csv);
	const [id, name] = ['client_id', 'name'].map(column => head.indexOf(column));
	return new Map(rows.map(row => [row[name], row[id]]));
}

/** Comma-separated values as lists. */
export function records(text) {
	const rows = [[]];
	for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
		rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
		if (end !== ',') rows.push([]);
	}
	return rows.filter(row => row.some(Boolean));
}

/** The page of a client of the demonstration. */
export async function pageOf(page, name) {
	const ids = await idsByName(page, 'status=active,disabled,deleted');
	assert.ok(ids.has(name), `the demonstration has ${name}`);
	return `${ORG}/clients/${ids.get(name)}`;
}

/** Makes a service client in the console; its page, id and secret. */
export async function createService(page, name, scopes = ['invoices:read']) {
	await page.goto(`${ORG}/clients/new/service`);
	await page.fill('[name=name]', name);
	for (const scope of scopes) await page.check(`.scope:has(code:text-is("${scope}")) input`);
	await answer(page, () => page.click('button.primary:text-is("Create client")'));
	const id = await page.textContent('#client-id');
	return { id, secret: await page.textContent('#secret'), at: `${ORG}/clients/${id}` };
}

/** Asks the token endpoint as a service would. */
export async function token(server, id, secret, params = {}) {
	const body = new URLSearchParams({ grant_type: 'client_credentials', ...params });
	const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
	const response = await fetch(`${server.url}/oauth2/token`, { method: 'POST', headers: { authorization }, body });
	return { status: response.status, body: await response.json() };
}

/** Asks whether a token is active, as another client. */
export async function introspect(server, id, secret, token) {
	const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
	const body = new URLSearchParams({ token });
	const response = await fetch(`${server.url}/oauth2/introspect`, { method: 'POST', headers: { authorization }, body });
	return response.json();
}

/**
 * Every page that links lead to from the start, by path without query: status, headers, text, where it was met, and where
 * its forms post. Of many pages alike only a few are visited; who begins at `/` sees the forms of all templates too.
 */
export async function crawl(page, server, begin = '/') {
	const pages = new Map();
	const alike = new Map();
	const templates = ['sync-connector', 'custom', 'service', 'web', 'single-page', 'native', 'device'];
	// Behind a form that is read with GET there is no link.
	const forms = templates.map(template => [`${ORG}/clients/new/${template}`, `${ORG}/clients/new`]);
	const behind = begin === '/' ? [...forms, ['/help/glossary', '-'], ['/help/errors', '-']] : [];
	const queue = [[begin, '-'], ...behind];
	while (queue.length > 0) {
		const [url, from] = queue.shift();
		const path = new URL(url, server.url).pathname;
		const kind = path.replace(/\/(oac|api|usr|evt|aud|sec|org)_\w+/g, '/*').replace(/\/activity\/[^/]+$/, '/activity/*');
		const times = alike.get(kind) ?? 0;
		if (pages.has(path) || times >= 4) continue;
		alike.set(kind, times + 1);
		const answer = await page.request.get(url, { headers: { accept: 'text/html' } });
		const text = answer.headers()['content-type']?.startsWith('text/html') ? await answer.text() : '';
		const inTags = name => [...text.matchAll(new RegExp(`<[^<>]*\\s${name}="([^"]*)"`, 'g'))].map(([, value]) => value.replaceAll('&amp;', '&'));
		const forms = [...text.matchAll(/<form[^>]*method="post"[^>]*>/g)].map(([tag]) => tag.match(/action="([^"]*)"/)?.[1] ?? path);
		pages.set(path, { status: answer.status(), headers: answer.headers(), text, from, forms });
		for (const href of inTags('href')) {
			if (href.startsWith('/') && !href.startsWith('/assets/') && !href.includes('/orgs/globex')) queue.push([href, path]);
		}
	}
	return pages;
}
