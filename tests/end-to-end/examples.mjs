// The examples, as their pages in docs/ say: examples.mjs ISSUER USERNAME PASSWORD PROGRAM. The commands are run as they
// stand there; the client of the command line is created in the console.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from '../browser/libraries.js';
import { Console, PlainBrowser } from './plain_browser.mjs';
import { step } from './step.mjs';

const [issuer, username, password, program] = process.argv.slice(2);
const root = new URL('../../', import.meta.url).pathname;
const home = mkdtempSync(join(tmpdir(), 'oauthority-examples-'));
symlinkSync(program, join(home, 'oauthority'));
const base = { PATH: `${home}:${process.env.PATH}`, HOME: home, XDG_STATE_HOME: join(home, 'state') };

/** The commands of a page of docs/, block by block. */
const commands = name => [...readFileSync(join(root, 'docs', name), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text);
const shell = (script, env) => execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
	cwd: root, encoding: 'utf8', env: { ...base, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
});

async function freePort() {
	const probe = createServer().listen(0, 'localhost');
	await once(probe, 'listening');
	const { port } = probe.address();
	probe.close();
	return port;
}

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const children = [];
try {
	const desk = new Console(issuer);
	const credentials = await step('A client for the command line is created in the console.', async () => {
		await desk.signIn(username, password);
		const made = await desk.create('service', 'Morning report', 'clients:read clients:write');
		return { OAUTHORITY_HOST: issuer, OAUTHORITY_CLIENT_ID: made.id, OAUTHORITY_CLIENT_SECRET: made.secret };
	});
	/** Runs the command that creates a client; gives its id. */
	const createClient = command => shell(`${command.trim()} --output json`, credentials).match(/oac_[a-z2-7]{20}/)[0];
	await singlePage(createClient);
	await native(createClient);
} catch {
	process.exitCode = 1;
} finally {
	children.forEach(child => child.kill());
	await browser.close();
	rmSync(home, { recursive: true, force: true });
}

async function singlePage(createClient) {
	const [create, serve] = commands('single-page-app.md');
	const port = await freePort();
	const at = `http://localhost:${port}/`;
	const id = await step('The page about single-page apps creates its client.', () => createClient(create.replaceAll('http://localhost:5173/', at)));

	await step('It serves the example.', async () => {
		const child = spawn('bash', ['-c', `exec env ${serve.replace('oac_…', id)}`], { cwd: root, env: { ...base, ISSUER: issuer, PORT: port } });
		children.push(child);
		const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), once(child, 'exit').then(() => ['it has ended'])]);
		assert.equal(line, at);
	});

	const page = await browser.newPage();
	page.setDefaultTimeout(10000);
	const troubles = [];
	page.on('console', message => message.type() === 'error' && troubles.push(message.text()));
	page.on('pageerror', error => troubles.push(error.message));
	const says = text => page.locator('#status', { hasText: text }).waitFor();

	await step('In Chromium a person signs in to it, and it shows his claims.', async () => {
		await page.goto(at);
		await says('You are not signed in.');
		await page.click('#sign-in');
		await page.fill('#sign-in [name=username]', username);
		await page.fill('#sign-in [name=password]', password);
		await page.click('#sign-in button[type=submit]');
		await page.click('#allow');
		await says('Signed in as');
		assert.match(await page.innerText('#claims'), new RegExp(`preferred_username\\s+${username}`));
		assert.equal(page.url(), at, 'neither code nor state stays in the address');
	});
	await step('It gets new tokens, twice.', async () => {
		for (const _ of [1, 2]) {
			const [got] = await Promise.all([page.waitForResponse(`${issuer}/oauth2/token`), page.click('#refresh')]);
			assert.equal(got.status(), 200);
			await says('The tokens are new.');
		}
	});
	await step('It signs the person out, here and at the server.', async () => {
		await page.click('#sign-out');
		await page.waitForURL(at);
		await says('You are not signed in.');
		await page.click('#sign-in');
		await page.locator('#sign-in [name=password]').waitFor();
		assert.equal(new URL(page.url()).origin, issuer);
	});
	await step('Who refuses is told so, and an answer that nobody asked for is not taken.', async () => {
		await page.fill('#sign-in [name=username]', username);
		await page.fill('#sign-in [name=password]', password);
		await page.click('#sign-in button[type=submit]');
		await page.click('#deny');
		await says('you did not allow it');
		await page.goto(`${at}?code=stolen&state=stolen&iss=${encodeURIComponent(issuer)}`);
		await says('not an answer to a request of this tab');
		assert.deepEqual(troubles, []);
	});
	await page.close();
}

async function native(createClient) {
	const [create, signIn, use] = commands('native-app.md');
	const id = await step('The page about programs creates its client.', () => createClient(create));
	const env = { ISSUER: issuer };
	const named = signIn.replace('oac_…', id);
	const [whoami, signOut] = use.trim().split('\n');
	const file = join(home, 'state/oauthority-example/tokens.json');

	/** Starts a sign-in; `answer` gets the address and gives the one that the browser comes back to. */
	async function start(answer) {
		const child = spawn('bash', ['-euc', `${named.trim()} --no-browser`], { cwd: root, env: { ...base, ...env } });
		children.push(child);
		let said = '';
		child.stderr.on('data', text => { said += text; });
		const gone = once(child, 'close');
		const lines = createInterface({ input: child.stdout });
		const [line] = await once(lines, 'line');
		lines.on('line', text => { said += text; });
		const url = line.match(/http\S+/)[0];
		await fetch(await answer(url));
		const [code] = await gone;
		return { code, said };
	}

	await step('A person signs in to the program with a browser without scripts.', async () => {
		const { code, said } = await start(async url => {
			const back = await new PlainBrowser(issuer).walk(url, { username, password });
			assert.equal(back.hostname, '127.0.0.1');
			// Somebody else's page tries first.
			await fetch(`${back.origin}/callback?code=x&state=y`);
			return back;
		});
		assert.equal(code, 0, said);
		assert.match(said, /You are signed in/);
		assert.equal(statSync(file).mode & 0o777, 0o600);
		assert.equal(statSync(join(file, '..')).mode & 0o777, 0o700);
	});
	await step('It says who that is, each time with new tokens.', async () => {
		const kept = [1, 2].map(() => {
			assert.match(shell(`export CLIENT_ID=${id}\n${whoami}`, env), new RegExp(`preferred_username: ${username}`));
			return readFileSync(file, 'utf8');
		});
		assert.notEqual(kept[0], kept[1]);
	});
	await step('It takes its tokens back.', async () => {
		const { refresh_token } = JSON.parse(readFileSync(file, 'utf8'));
		assert.match(shell(`export CLIENT_ID=${id}\n${signOut}`, env), /You are signed out/);
		assert.throws(() => statSync(file));
		const answer = await fetch(`${issuer}/oauth2/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: id, refresh_token }) });
		assert.equal((await answer.json()).error, 'invalid_grant');
	});
	await step('An answer of another server ends there.', async () => {
		const { code, said } = await start(async url => {
			const back = await new PlainBrowser(issuer).walk(url, { username, password });
			back.searchParams.set('iss', 'https://other.example');
			return back;
		});
		assert.notEqual(code, 0);
		assert.match(said, /comes from another server/);
	});
}
