// The journey of docs/quickstart.md: journey.mjs ISSUER LINE, where the line is what the first start printed. The console is used with Chromium, the commands of the
// page are run as they stand there, and libraries that many people use do what the page says any library can.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chromium, jose, oauth } from '../browser/libraries.js';
import { step } from './step.mjs';

const [issuer, line] = process.argv.slice(2);
const [setupLink] = line.match(/http\S+/);
const PASSWORD = 'plain-walnut-orbit-journey';
const AUDIENCE = 'https://api.example.com/invoices';
const SCOPE = 'invoices:read';

const guide = name => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
/** The blocks of a language on a page, in order, for the server that runs now. */
const blocks = (page, language) => [...guide(page).matchAll(/^```(\w*)\n(.*?)^```$/gms)]
	.filter(([, tag]) => tag === language)
	.map(([,, text]) => text.replaceAll('http://localhost:8080', issuer));
const shell = (script, env = {}) => execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
	encoding: 'utf8', env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
});
const python = (script, ...args) => execFileSync(process.env.PYTHON ?? 'python3', [
	new URL(script, import.meta.url).pathname, issuer, ...args,
], { encoding: 'utf8' }).trim();

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ baseURL: issuer });
page.setDefaultTimeout(10000);

const click = name => page.getByRole('main').getByRole('button', { name, exact: true }).or(page.getByRole('main').getByRole('link', { name, exact: true })).first().click();
const go = name => page.getByRole('navigation').getByRole('link', { name, exact: true }).first().click();

async function createService(name) {
	await go('OAuth Clients');
	await click('Create client');
	await page.getByText('Service or job', { exact: true }).click();
	await click('Continue');
	await page.getByLabel('Name', { exact: true }).fill(name);
	await page.locator(`.scope:has(code:text-is("${SCOPE}")) input`).check();
	await click('Create client');
	await page.locator('#secret').waitFor({ state: 'attached' });
	return { id: await page.textContent('#client-id'), secret: await page.textContent('#secret') };
}

async function stored() {
	// Whoever has stored the secret says so; a page that is left without is asked about.
	await page.getByText('Show secret').click();
	await click('I have stored it');
}

try {
	await walk();
} catch {
	process.exitCode = 1;
} finally {
	await browser.close();
}

async function walk() {
	await step('The quickstart shows how it is started and what it prints.', async () => {
		assert.match(blocks('quickstart.md', 'sh')[0], /^cargo run --release -- serve$/m);
		const shape = text => text.trim().replace(/until [^)]*/, 'until').replace(/\/setup\/.*/, '/setup/');
		assert.equal(shape(line), shape(blocks('quickstart.md', '')[0]));
	});

	await step('The set-up link makes the first administrator, who is signed in and owns “My organisation”.', async () => {
		await page.goto(setupLink);
		await page.getByLabel('User name').fill('root');
		await page.getByLabel('Password').fill(PASSWORD);
		await click('Create administrator');
		await page.getByRole('heading', { name: 'OAuth Clients' }).waitFor();
		assert.match(await page.title(), /My organisation/);
	});

	await step('The link works once.', async () => {
		assert.equal((await fetch(setupLink, { headers: { accept: 'text/html' } })).status, 410);
	});

	await step(`The API “Invoices” and its scope ${SCOPE} are described in the console.`, async () => {
		await go('APIs & scopes');
		await click('Create API');
		await page.getByLabel('Name', { exact: true }).fill('Invoices');
		await page.getByLabel('Audience').fill(AUDIENCE);
		await click('Create API');
		await page.getByText('Invoices is created').waitFor();
		await page.getByRole('main').getByRole('link', { name: /^Add (a )?scope$/ }).first().click();
		await page.getByLabel('Scope', { exact: true }).fill(SCOPE);
		await page.getByLabel('What it allows').fill('See invoices');
		await click('Add scope');
		await page.getByRole('rowheader', { name: SCOPE }).waitFor();
	});

	const client = await step('The client “Invoice exporter” is created, and its page shows the secret.', async () => {
		const made = await createService('Invoice exporter');
		assert.match(made.id, /^oac_[a-z2-7]{20}$/);
		assert.match(made.secret, /^oas_[0-9A-Za-z]{49}$/);
		await page.getByText('Waiting for the first token…').waitFor();
		return made;
	});

	const [, tokenCommand, introspectCommand] = blocks('quickstart.md', 'sh');
	const [tokenSample, deadSample] = blocks('quickstart.md', 'json').map(text => JSON.parse(text));

	const token = await step('The quickstart\'s command gets a token such as it shows.', async () => {
		const script = tokenCommand.replace('oac_…', client.id).replace('oas_…', client.secret);
		assert.notEqual(script, tokenCommand, 'the command names the client and its secret');
		const answer = JSON.parse(shell(script));
		assert.deepEqual(Object.keys(answer), Object.keys(tokenSample));
		assert.deepEqual({ ...answer, access_token: '' }, { ...tokenSample, access_token: '' });
		return answer.access_token;
	});

	await step('The page that was kept open says when and from where the first token was issued.', async () => {
		await page.getByText(/First token issued .* from 127\.0\.0\.1/).waitFor();
		await stored();
	});

	await step('Python\'s authlib gets a token.', async () => {
		assert.match(python('authlib_client.py', client.id, client.secret, SCOPE), /^eyJ/);
	});

	await step('npm\'s openid-client discovers the server and gets a token.', async () => {
		const options = { execute: [oauth.allowInsecureRequests] };
		const found = await oauth.discovery(new URL(issuer), client.id, client.secret, undefined, options);
		const answer = await oauth.clientCredentialsGrant(found, { scope: SCOPE });
		assert.equal(answer.scope, SCOPE);
		assert.equal((await oauth.tokenIntrospection(found, answer.access_token)).active, true);
	});

	await step('Python verifies the token offline against the published keys.', async () => {
		assert.equal(python('offline.py', AUDIENCE, SCOPE, token), client.id);
	});

	await step('npm\'s jose verifies it too.', async () => {
		const metadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
		const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri));
		const { payload } = await jose.jwtVerify(token, keys, { issuer, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'] });
		assert.equal(payload.sub, client.id);
		assert.equal(payload.client_id, client.id);
		await assert.rejects(jose.jwtVerify(token, keys, { issuer, audience: 'https://other.example' }));
	});

	await step('The quickstart\'s question says that the token is active.', async () => {
		const env = { OAUTHORITY_CLIENT_ID: client.id, OAUTHORITY_CLIENT_SECRET: client.secret, TOKEN: token };
		const answer = JSON.parse(shell(introspectCommand, env));
		assert.equal(answer.active, true);
		assert.equal(answer.scope, SCOPE);
	});

	const service = await step('A client of the invoice service itself is created, to ask with.', async () => {
		const made = await createService('Invoice service');
		await stored();
		return made;
	});

	const ask = () => {
		const [command] = blocks('tokens.md', 'sh');
		return JSON.parse(shell(command, { CLIENT_ID: service.id, CLIENT_SECRET: service.secret, TOKEN: token }));
	};

	await step('It may ask about the token of the other: active.', async () => {
		const answer = ask();
		assert.equal(answer.active, true);
		assert.equal(answer.client_id, client.id);
	});

	await step('The client is deleted in the console, after its name was typed.', async () => {
		await page.goto('/');
		await page.getByRole('link', { name: 'Invoice exporter', exact: true }).click();
		await page.getByRole('link', { name: 'Delete', exact: true }).click();
		await page.getByRole('heading', { name: 'Delete Invoice exporter?' }).waitFor();
		await page.getByLabel(/^Type “Invoice exporter”/).fill('Invoice exporter');
		await click('Delete client');
		await page.getByText('Invoice exporter was deleted').waitFor();
	});

	await step('The same question now gets exactly what the quickstart shows.', async () => {
		assert.deepEqual(ask(), deadSample);
	});

	await step('Its secret gets no token any more.', async () => {
		const script = tokenCommand.replace('oac_…', client.id).replace('oas_…', client.secret);
		assert.equal(JSON.parse(shell(script)).error, 'invalid_client');
	});

	await step('Offline the token is still valid until it expires, as the guide says.', async () => {
		assert.equal(python('offline.py', AUDIENCE, SCOPE, token), client.id);
	});
}
