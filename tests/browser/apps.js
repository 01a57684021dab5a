// Apps that people sign in to: one server for every host below `.example`, which the browser of the flavour `apps` is led
// to. Whoever comes back to an app is sent on to a second origin, as apps do.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { ORG, answer, appsPort } from './harness.js';

// RFC 7636 Appendix B
export const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
export const HOME = 'https://home.acme-start.example/welcome';

/** Everybody who came back: host, method, parameters. */
export const arrivals = [];
/** The last of them, as plain parameters. */
export const arrived = () => Object.fromEntries(arrivals.at(-1)?.params ?? []);

let server;
export async function startApps() {
	const dir = mkdtempSync(join(tmpdir(), 'oauthority-apps-'));
	const [key, cert] = ['key', 'cert'].map(name => join(dir, name));
	const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=example', '-keyout', key, '-out', cert];
	execFileSync('openssl', how, { stdio: 'ignore' });
	server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (request, response) => {
		let body = '';
		for await (const part of request) body += part;
		const url = new URL(request.url, `https://${request.headers.host}`);
		if (url.pathname === '/welcome') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>Welcome</title><h1>Welcome');
		if (url.pathname === '/favicon.ico') return response.writeHead(204).end();
		const params = request.method === 'POST' ? new URLSearchParams(body) : url.searchParams;
		arrivals.push({ host: url.host, method: request.method, type: request.headers['content-type'], referer: request.headers.referer, params });
		response.writeHead(303, { location: HOME }).end();
	}).listen(appsPort, '127.0.0.1');
	await once(server, 'listening');
	rmSync(dir, { recursive: true });
}
after(() => { server?.close(); server?.closeAllConnections(); });

/** The path of an authorization request; `more` replaces and adds parameters. */
export function request(client, scope, more = {}) {
	return `/oauth2/authorize?${new URLSearchParams({
		response_type: 'code', client_id: client.id, redirect_uri: client.redirect_uri, scope, state: 'st&te="1"', nonce: 'n-1',
		code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more,
	})}`;
}

/** Makes a web app in the console; its id, secret and redirect URI. */
export async function createWebApp(page, name, redirect_uri, scopes) {
	await page.goto(`${ORG}/clients/new/web`);
	await page.fill('[name=name]', name);
	await page.locator('[name=redirect_uris]').first().fill(redirect_uri);
	for (const group of await page.locator('.picker fieldset details').all()) await group.evaluate(node => { node.open = true; });
	for (const scope of scopes) await page.check(`.scope:has(code:text-is("${scope}")) input`);
	await answer(page, () => page.click('button.primary:text-is("Create client")'));
	return { id: await page.textContent('#client-id'), secret: await page.textContent('#secret'), redirect_uri };
}

/** Asks the token endpoint as that app. */
export async function redeem(server, client, params) {
	const authorization = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
	const got = await fetch(`${server.url}/oauth2/token`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(params) });
	return { status: got.status, body: await got.json() };
}
