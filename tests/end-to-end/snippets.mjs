// The programs of the Try it page, as they stand there: snippets.mjs ISSUER USERNAME PASSWORD. Each is saved as the page
// says, run as the page says, and must get a token; with a wrong secret it must say so and end with an error. curl, Python
// and Node.js always; what else is installed, too, and what is not is named.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Console, PlainBrowser } from './plain_browser.mjs';
import { step } from './step.mjs';

const [issuer, username, password] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), 'oauthority-snippets-'));
const root = new URL('../../', import.meta.url).pathname;
const env = { PATH: process.env.PATH, HOME: home, GOCACHE: join(home, 'go'), GOFLAGS: '-mod=mod', DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' };

function has(command, ...args) {
	try {
		return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
	} catch {
		return undefined;
	}
}

/** The first number that a command says of its version; 0 without the command. */
const version = (command, ...args) => Number(has(command, ...args)?.match(/(\d+)/)?.[1] ?? 0);

/** What is missing here to run a language; nothing if it can be run. */
const languages = {
	curl: () => '',
	python: () => '',
	node: () => '',
	go: () => (has('go', 'version') ? '' : 'no go'),
	java: () => (version('javac', '-version') >= 11 ? '' : 'no JDK of version 11'),
	dotnet: () => (version('dotnet', '--version') >= 10 ? '' : 'no dotnet of version 10'),
	// Only with the crates that are here already: nothing is fetched.
	rust: () => (process.env.SNIPPETS_RUST && has('cargo', '--version') ? '' : 'it builds reqwest: set SNIPPETS_RUST=1'),
};

/** A project around the Rust program, with the versions that this one builds with. */
function rustProject(directory) {
	const version = readFileSync(join(root, 'Cargo.lock'), 'utf8').match(/name = "reqwest"\nversion = "([^"]+)"/)[1];
	writeFileSync(join(directory, 'Cargo.toml'), `[package]\nname = "token"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\nreqwest = { version = "=${version}", default-features = false, features = ["blocking", "form", "rustls"] }\n`);
	cpSync(join(root, 'Cargo.lock'), join(directory, 'Cargo.lock'));
	return { CARGO_HOME: process.env.CARGO_HOME ?? join(homedir(), '.cargo'), RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), '.rustup'), CARGO_NET_OFFLINE: 'true' };
}

/** Runs a program as the page says; gives its exit code and what it wrote. */
async function run(directory, command, more) {
	try {
		const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command], { cwd: directory, env: { ...env, ...more }, timeout: 600000 });
		return { code: 0, stdout, stderr };
	} catch (problem) {
		return { code: problem.code, stdout: problem.stdout ?? '', stderr: problem.stderr ?? String(problem) };
	}
}

/** The program on a page, with the names that stand below it. */
function program(page, id) {
	const code = page.textOf(id);
	assert.ok(code, `${page.url} shows no program`);
	const [, tail] = page.text.split(`id="${id}"`);
	const [file, command] = [...tail.matchAll(/<code translate="no">([^<]*)<\/code>/g)].map(([, text]) => text);
	assert.ok(file && command, `${page.url} does not say how to run it`);
	return { code: `${code}\n`, file, command };
}

try {
	const desk = new Console(issuer);
	const clients = await step('Clients are created in the console, one pinned to a secret in the body.', async () => {
		await desk.signIn(username, password);
		const basic = await desk.create('service', 'Snippets', 'workspace:read workspace:write');
		const body = await desk.create('service', 'Snippets in the body', 'workspace:read', { auth_method: 'client_secret_post' });
		return { basic, body };
	});
	const skipped = [];
	for (const [language, available] of Object.entries(languages)) {
		const missing = available();
		if (missing) {
			skipped.push(`${language} (${missing})`);
			continue;
		}
		for (const [how, client] of Object.entries(clients)) {
			await step(`The ${language} program gets a token (secret by ${how}), and says so when it does not.`, async () => {
				const page = await desk.open(`${desk.home}/clients/${client.id}/try?lang=${language}`);
				const { code, file, command } = program(page, 'program');
				assert.ok(!code.includes(client.secret), 'the secret is in the program');
				const directory = join(home, `${language}-${how}`);
				mkdirSync(join(directory, dirname(file)), { recursive: true });
				writeFileSync(join(directory, file), code);
				const more = language === 'rust' ? rustProject(directory) : {};
				const good = await run(directory, command, { ...more, OAUTHORITY_CLIENT_SECRET: client.secret });
				assert.equal(good.code, 0, good.stderr);
				const token = JSON.parse(good.stdout);
				assert.equal(token.token_type, 'Bearer');
				assert.ok(token.scope.includes('workspace:read'), good.stdout);
				const bad = await run(directory, command, { ...more, OAUTHORITY_CLIENT_SECRET: `${client.secret.slice(0, -1)}` });
				assert.notEqual(bad.code, 0);
				assert.match(bad.stdout + bad.stderr, /invalid_client/);
				assert.match(bad.stdout + bad.stderr, /\/failures\/err_/);
			});
		}
	}
	await step('The page says why the last one failed.', async () => {
		const page = await desk.open(`${desk.home}/clients/${clients.basic.id}/try`);
		assert.match(page.text, /its checksum is wrong/);
	});
	await signIn(desk);
	if (skipped.length) console.log(`  (not run here: ${skipped.join(', ')})`);
} catch (problem) {
	if (!process.exitCode) console.error(problem);
	process.exitCode = 1;
} finally {
	rmSync(home, { recursive: true, force: true });
}

/** The steps of a sign-in, with a browser that knows no script. */
async function signIn(desk) {
	const redirect = 'http://127.0.0.1:9/callback';
	const made = await step('An app where people sign in is created.', () => desk.create('native', 'Snippet app', 'workspace:read', { redirect_uris: redirect }));
	await step('The program of its page walks a person through the sign-in.', async () => {
		const page = await desk.open(`${desk.home}/clients/${made.id}/try`);
		const { code, file, command } = program(page, 'sign-in');
		writeFileSync(join(home, file), code);
		const child = spawn('sh', ['-c', command], { cwd: home, env });
		let said = '';
		child.stderr.on('data', text => { said += text; });
		const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
		const ended = new Promise(resolve => { child.once('close', resolve); });
		const { value: address } = await lines.next();
		const back = await new PlainBrowser(issuer).walk(address, { username, password });
		child.stdin.end(`${back.href}\n`);
		const { value: answer } = await lines.next();
		assert.equal(await ended, 0, said);
		const tokens = JSON.parse(answer);
		assert.ok(tokens.access_token && tokens.scope.includes('workspace:read'), answer);
	});
}
