// Passkeys and other second factors, with Chromium's virtual authenticator.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before } from 'node:test';
import { PASSWORD, answer, scene, serve, visit } from './harness.js';

let server;
before(async () => { server = await serve(); });

/** A device with a passkey holder who is always there, or not: `present(false)`. */
async function authenticator(page) {
	const cdp = await page.context().newCDPSession(page);
	await cdp.send('WebAuthn.enable');
	const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
		options: {
			protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
			isUserVerified: true, automaticPresenceSimulation: true,
		},
	});
	return {
		present: enabled => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
		keys: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
	};
}

async function signInWithPassword(page, user, to = '/me/preferences') {
	await visit(page, `/login?return_to=${encodeURIComponent(to)}`);
	await page.fill('[name=username]', user);
	await page.fill('[name=password]', PASSWORD);
	await answer(page, () => page.click('button[type=submit]'));
}

async function signOut(page) {
	await page.click('[popovertarget=account]');
	await answer(page, () => page.click('#account button:text-is("Sign out")'));
	assert.equal(new URL(page.url()).pathname, '/login');
}

scene('a passkey is made, signs in by itself, is the second factor, and confirms a change', () => server, { as: '', allow: [403] }, async page => {
	const device = await authenticator(page);
	await device.present(false);
	await signInWithPassword(page, 'ada', '/me/security');
	await device.present(true);
	await page.fill('#new-passkey [name=name]', 'Test device');
	await answer(page, () => page.click('[data-passkey=create]'));
	assert.match(await page.innerText('main'), /Test device/);
	assert.equal((await device.keys()).length, 1);
	assert.equal((await device.keys())[0].isResidentCredential, true);

	await device.present(false);
	await signOut(page);
	await visit(page, '/login?return_to=/me/security');
	await device.present(true);
	const button = page.locator('[data-passkey=get]');
	if (await button.count()) await button.click().catch(() => {});
	await page.waitForURL(url => url.pathname === '/me/security');
	assert.match(await page.innerText('main'), /last used/);

	await device.present(false);
	await signOut(page);
	await signInWithPassword(page, 'ada', '/me/security');
	assert.equal(new URL(page.url()).pathname, '/login/mfa');
	assert.equal(await page.locator('[name=code]').count(), 1);
	await device.present(true);
	await page.click('[data-passkey=get]');
	await page.waitForURL(url => url.pathname === '/me/security');

	await server.restart({ now: new Date(Date.now() + 20 * 60e3).toISOString() });
	await answer(page, () => page.click('button:text-is("Make recovery codes")'));
	assert.match(await page.innerText('h1'), /Enter your password to go on/);
	await answer(page, () => page.click('[data-passkey=get]'));
	assert.equal((await page.innerText('#codes')).trim().split(/\s+/).length, 10);
	await server.restart();
});

scene('without scripts there is no passkey button, and the password remains', () => server, { as: '', variants: ['nojs'] }, async page => {
	await visit(page, '/login');
	assert.equal(await page.locator('[data-passkey]:visible').count(), 0);
	assert.equal(await page.locator('[data-reveal]:visible').count(), 0);
	await signInWithPassword(page, 'mel', '/me/security');
	assert.match(await page.innerText('main'), /Adding a passkey needs JavaScript/);
});

scene('a password can be shown', () => server, { as: '' }, async page => {
	await visit(page, '/login');
	await page.fill('[name=password]', 'walnut');
	await page.click('[data-reveal=password]');
	assert.equal(await page.getAttribute('#password', 'type'), 'text');
	assert.equal(await page.getAttribute('[data-reveal]', 'aria-pressed'), 'true');
	await page.click('[data-reveal=password]');
	assert.equal(await page.getAttribute('#password', 'type'), 'password');
});

/** The code of an authenticator app (RFC 6238). */
function code(secret, at = Date.now()) {
	const bits = [...secret.replaceAll(' ', '')].map(letter => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
	const key = Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(at / 30000)));
	const mac = createHmac('sha1', key).update(counter).digest();
	return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
}

scene('an authenticator app is set up, with recovery codes, and asked for', () => server, { as: '', variants: ['js', 'nojs'], allow: [401] }, async (page, { js }) => {
	const user = js ? 'aud' : 'ope';
	await signInWithPassword(page, user, '/me/security/app');
	assert.equal(await page.locator('svg[role=img]').count(), 1);
	const secret = await page.innerText('#totp-secret');
	await page.fill('[name=code]', code(secret));
	await answer(page, () => page.click('button:text-is("Add app")'));
	const codes = (await page.innerText('#codes')).trim().split(/\s+/);
	assert.equal(codes.length, 10);
	await answer(page, () => page.click('[data-done]'));
	await signOut(page);
	await signInWithPassword(page, user);
	await page.fill('[name=code]', '000000');
	await answer(page, () => page.click('button:text-is("Go on")'));
	assert.match(await page.innerText('main'), /This code does not work/);
	await page.fill('[name=code]', codes[0]);
	await answer(page, () => page.click('button:text-is("Go on")'));
	assert.equal(new URL(page.url()).pathname, '/me/preferences');
});
