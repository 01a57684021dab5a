// People sign in to apps that are built with libraries of others: people.mjs ISSUER USERNAME PASSWORD, on the installation
// that journey.mjs leaves behind. The apps are created in the console. One person uses Chromium, the others a browser
// without scripts; the pages are the real ones.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { chromium, jose, oauth, strict } from '../browser/libraries.js';
import { Console, PlainBrowser } from './plain_browser.mjs';
import { step } from './step.mjs';

const [issuer, username, password] = process.argv.slice(2);
const AUDIENCE = 'https://api.example.com/invoices';
const SCOPE = 'openid profile email offline_access invoices:read';
const http = { [strict.allowInsecureRequests]: true };
const insecure = { execute: [oauth.allowInsecureRequests] };

/** An app's address, where people come back to. `next` gives the URL of the next one who does. */
async function callback(host) {
	const waiting = [];
	const server = createServer((request, response) => {
		response.setHeader('content-type', 'text/html').end('<!doctype html><title>App</title><p id=back>Back at the app.');
		if (!request.url.includes('favicon')) waiting.shift()?.(new URL(request.url, `http://${request.headers.host}`));
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://${host}:${server.address().port}`,
		next: () => new Promise(resolve => { waiting.push(resolve); }),
		close: () => server.close(),
	};
}

const desk = new Console(issuer);
const create = (...what) => desk.create(...what);

const app = await callback('localhost');
const native = await callback('127.0.0.1');
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

try {
	await step('The administrator signs in with a browser without scripts.', () => desk.signIn(username, password));
	await openidClient();
	await oauth4webapi();
	await authlib();
	await device();
} catch {
	process.exitCode = 1;
} finally {
	await browser.close();
	app.close();
	native.close();
}

/** npm's openid-client: a web app with a secret, used by a person with Chromium. */
async function openidClient() {
	const page = await browser.newPage({ baseURL: issuer });
	page.setDefaultTimeout(10000);
	const redirect_uri = `${app.url}/callback`;
	const bye = `${app.url}/signed-out`;

	const client = await step('A web app is created in the console.', () => create('web', 'Expenses', SCOPE, {
		redirect_uris: redirect_uri, post_logout_redirect_uris: bye,
	}));

	const config = await step('openid-client discovers everything about the server from its issuer.', async () => {
		const found = await oauth.discovery(new URL(issuer), client.id, client.secret, undefined, insecure);
		// Signatures are checked, too, although TLS would do.
		oauth.enableNonRepudiationChecks(found);
		const server = found.serverMetadata();
		assert.equal(server.authorization_response_iss_parameter_supported, true);
		assert.ok(server.supportsPKCE());
		return found;
	});

	const checks = { pkceCodeVerifier: oauth.randomPKCECodeVerifier(), expectedState: oauth.randomState(), expectedNonce: oauth.randomNonce(), idTokenExpected: true };
	const request = async more => oauth.buildAuthorizationUrl(config, {
		redirect_uri, scope: SCOPE, state: checks.expectedState, nonce: checks.expectedNonce, code_challenge_method: 'S256',
		code_challenge: await oauth.calculatePKCECodeChallenge(checks.pkceCodeVerifier), ...more,
	});

	const answer = await step('A person signs in with Chromium, reads what the app wants, and allows it.', async () => {
		const arrival = app.next();
		await page.goto((await request()).href);
		await page.fill('#sign-in [name=username]', username);
		await page.fill('#sign-in [name=password]', password);
		await page.click('#sign-in button[type=submit]');
		await page.locator('#consent').waitFor();
		assert.match(await page.title(), /Expenses/);
		await page.getByText('See invoices').waitFor();
		await page.click('#allow');
		await page.locator('#back').waitFor();
		return arrival;
	});

	const tokens = await step('openid-client accepts state, iss, nonce, and the signature of the ID token.', async () => {
		const got = await oauth.authorizationCodeGrant(config, answer, checks);
		assert.equal(got.token_type, 'bearer');
		assert.deepEqual(got.scope.split(' ').sort(), SCOPE.split(' ').sort());
		assert.equal(got.claims().aud, client.id);
		return got;
	});
	const { sub } = tokens.claims();

	await step('The same code is worth nothing the second time, and what it gave is taken back.', async () => {
		await assert.rejects(oauth.authorizationCodeGrant(config, answer, checks), { error: 'invalid_grant' });
		assert.equal((await oauth.tokenIntrospection(config, tokens.access_token)).active, false);
		await assert.rejects(oauth.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
	});

	const again = await step('Asked not to show any page, the server shows none: the app is known by its secret, and the person allowed it.', async () => {
		const arrival = app.next();
		await page.goto((await request({ prompt: 'none' })).href);
		return oauth.authorizationCodeGrant(config, await arrival, checks);
	});

	const own = await step('Userinfo takes tokens of its own only, and names the person of the ID token.', async () => {
		await assert.rejects(oauth.fetchUserInfo(config, again.access_token, sub));
		const got = await oauth.refreshTokenGrant(config, again.refresh_token, { scope: 'openid profile' });
		const told = await oauth.fetchUserInfo(config, got.access_token, sub);
		assert.equal(told.preferred_username, username);
		return got;
	});

	const refreshed = await step('A refresh token gets new tokens for the same person.', async () => {
		const got = await oauth.refreshTokenGrant(config, own.refresh_token);
		assert.notEqual(got.refresh_token, own.refresh_token);
		const { payload } = await jose.jwtVerify(got.access_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), {
			issuer, audience: AUDIENCE, typ: 'at+jwt',
		});
		assert.equal(payload.client_id, client.id);
		return got;
	});

	await step('Whoever refuses is sent back with access_denied, state and iss.', async () => {
		const arrival = app.next();
		await page.goto((await request({ prompt: 'consent' })).href);
		await page.click('#deny');
		await page.locator('#back').waitFor();
		const refused = await arrival;
		assert.equal(refused.searchParams.get('iss'), issuer);
		assert.equal(refused.searchParams.get('state'), checks.expectedState);
		await assert.rejects(oauth.authorizationCodeGrant(config, refused, checks), { error: 'access_denied' });
	});

	await step('The refresh token is taken back, and the access token with it.', async () => {
		assert.equal((await oauth.tokenIntrospection(config, refreshed.access_token)).active, true);
		await oauth.tokenRevocation(config, refreshed.refresh_token);
		assert.equal((await oauth.tokenIntrospection(config, refreshed.access_token)).active, false);
		await assert.rejects(oauth.refreshTokenGrant(config, refreshed.refresh_token), { error: 'invalid_grant' });
	});

	await step('The app signs the person out, who comes back to it and is signed out.', async () => {
		const arrival = app.next();
		await page.goto(oauth.buildEndSessionUrl(config, { post_logout_redirect_uri: bye, id_token_hint: refreshed.id_token ?? again.id_token, state: 'so long' }).href);
		const back = await arrival;
		assert.equal(back.pathname, '/signed-out');
		assert.equal(back.searchParams.get('state'), 'so long');
		await page.goto('/');
		await page.locator('#sign-in').waitFor();
	});
	await page.close();
}

/** npm's oauth4webapi, which believes nothing: an app on the person's computer, without a secret. */
async function oauth4webapi() {
	const redirect_uri = `${native.url}/callback`;
	const created = await step('An app for the desktop is created in the console; it has no secret.', async () => {
		const made = await create('native', 'Desk', SCOPE, { redirect_uris: 'http://127.0.0.1/callback' });
		assert.equal(made.secret, undefined);
		return made;
	});
	const client = { client_id: created.id };
	const server = await step('oauth4webapi reads both discovery documents.', async () => {
		const at = new URL(issuer);
		for (const algorithm of ['oauth2', 'oidc']) {
			const answer = await strict.discoveryRequest(at, { algorithm, ...http });
			var found = await strict.processDiscoveryResponse(at, answer);
		}
		return found;
	});

	const person = new PlainBrowser(issuer);
	const [verifier, state, nonce] = [strict.generateRandomCodeVerifier(), strict.generateRandomState(), strict.generateRandomNonce()];
	const answer = await step('A person allows it with a browser without scripts; the port is the one the app has today.', async () => {
		const url = new URL(server.authorization_endpoint);
		url.search = new URLSearchParams({
			client_id: created.id, redirect_uri, response_type: 'code', scope: SCOPE, state, nonce, max_age: '3600',
			code_challenge: await strict.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
		});
		const back = await person.walk(url, { username, password });
		return strict.validateAuthResponse(server, client, back, state);
	});

	const tokens = await step('Its strict checks accept the tokens: nonce, auth_time, the signature, at+jwt.', async () => {
		const got = await strict.authorizationCodeGrantRequest(server, client, strict.None(), answer, redirect_uri, verifier, http);
		const read = await strict.processAuthorizationCodeResponse(server, client, got, { expectedNonce: nonce, maxAge: 3600, requireIdToken: true });
		await strict.validateApplicationLevelSignature(server, got, http);
		const asked = new Request(AUDIENCE, { headers: { authorization: `Bearer ${read.access_token}` } });
		const claims = await strict.validateJwtAccessToken(server, asked, AUDIENCE, http);
		assert.equal(claims.client_id, created.id);
		return read;
	});
	const { sub } = strict.getValidatedIdTokenClaims(tokens);

	const narrow = { ...http, additionalParameters: { scope: 'openid profile' } };
	const own = await step('It refreshes to a token for userinfo, which answers it.', async () => {
		const answered = await strict.refreshTokenGrantRequest(server, client, strict.None(), tokens.refresh_token, narrow);
		const read = await strict.processRefreshTokenResponse(server, client, answered);
		const got = await strict.userInfoRequest(server, client, read.access_token, http);
		assert.equal((await strict.processUserInfoResponse(server, client, sub, got)).sub, sub);
		return read;
	});

	await step('It refreshes; the old refresh token, used again later on, ends all of it.', async () => {
		const refresh = async token => strict.processRefreshTokenResponse(server, client, await strict.refreshTokenGrantRequest(server, client, strict.None(), token, http));
		const first = await refresh(own.refresh_token);
		const second = await refresh(first.refresh_token);
		await assert.rejects(refresh(tokens.refresh_token), { error: 'invalid_grant' });
		await assert.rejects(refresh(second.refresh_token), { error: 'invalid_grant' });
	});
}

/** Python's authlib: a web app again; the person has no scripts. */
async function authlib() {
	const redirect_uri = `${app.url}/python`;
	const client = await step('Another web app is created in the console, for Python.', () => create('web', 'Reports', SCOPE, { redirect_uris: redirect_uri }));
	for (const kind of ['sync', 'async']) {
		await step(`Python's authlib (${kind}) signs a person in, verifies the ID token, refreshes and revokes.`, async () => {
			const script = new URL('authlib_person.py', import.meta.url).pathname;
			const child = spawn(process.env.PYTHON ?? 'python3', [script, kind, issuer, client.id, client.secret, redirect_uri, SCOPE]);
			let errors = '';
			child.stderr.on('data', text => { errors += text; });
			const gone = once(child, 'close');
			const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
			const { value: url } = await lines.next();
			if (url) {
				const back = await new PlainBrowser(issuer).walk(url, { username, password });
				child.stdin.end(`${back.href}\n`);
			}
			const { value: told } = url ? await lines.next() : {};
			const [code] = await gone;
			assert.equal(code, 0, errors);
			assert.equal(told, username);
		});
	}
}

/** openid-client again, on a device without a browser. */
async function device() {
	const client = await step('A device is created in the console.', () => create('device', 'Wall display', 'openid offline_access invoices:read'));
	await step('openid-client waits at the device until a person has typed the code and allowed it.', async () => {
		const config = await oauth.discovery(new URL(issuer), client.id, undefined, oauth.None(), insecure);
		const begun = await oauth.initiateDeviceAuthorization(config, { scope: 'openid offline_access invoices:read' });
		const waiting = oauth.pollDeviceAuthorizationGrant(config, begun);
		const person = new PlainBrowser(issuer);
		await person.open(begun.verification_uri_complete ?? begun.verification_uri);
		if (person.page.has('sign-in')) await person.submit('sign-in', { username, password });
		await person.submit('device', { user_code: begun.user_code });
		assert.equal(person.page.textOf('user-code'), begun.user_code);
		await person.submit('confirm', { sure: 'yes' }, 'allow');
		const tokens = await waiting;
		assert.equal(tokens.claims().aud, client.id);
		assert.ok((await oauth.refreshTokenGrant(config, tokens.refresh_token)).access_token);
	});
}
