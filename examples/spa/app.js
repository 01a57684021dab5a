// Signs a person in from the browser: authorization code with PKCE (RFC 7636), without a secret and without libraries.
// Tokens stay in memory: whoever reloads the page signs in anew, usually without seeing a form.
const SCOPE = 'openid profile email offline_access';
const redirect_uri = `${location.origin}/`;

const { issuer, client_id } = await (await fetch('/config.json')).json();
const server = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
if (server.issuer !== issuer) throw new Error('the document belongs to another server');

const base64url = bytes => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const element = id => document.getElementById(id);
const say = text => { element('status').textContent = text; };

let tokens = null;

async function signIn() {
	const [state, nonce, verifier] = [random(), random(), random()];
	// What the answer has to fit, for this tab alone.
	sessionStorage.setItem('request', JSON.stringify({ state, nonce, verifier }));
	const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
	location.assign(`${server.authorization_endpoint}?${new URLSearchParams({
		response_type: 'code', client_id, redirect_uri, scope: SCOPE, state, nonce,
		code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: 'S256',
	})}`);
}

async function ask(params) {
	const answer = await fetch(server.token_endpoint, { method: 'POST', body: new URLSearchParams({ client_id, ...params }) });
	const told = await answer.json();
	if (!answer.ok) throw new Error(`${told.error}: ${told.error_description}`);
	return told;
}

/** Reads an ID token that comes from the token endpoint itself: the connection vouches for it (OpenID Connect Core §3.1.3.7). */
function claimsOf(idToken, nonce) {
	const text = atob(idToken.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'));
	const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, char => char.charCodeAt(0))));
	const meant = claims.iss === issuer && [claims.aud].flat().includes(client_id) && claims.exp * 1000 > Date.now();
	if (!meant || claims.nonce !== nonce) throw new Error('the ID token is not an answer to this request');
	return claims;
}

/** Takes the answer in the address, once. */
async function comeBack(answer) {
	const request = JSON.parse(sessionStorage.getItem('request') ?? '{}');
	sessionStorage.removeItem('request');
	// Neither a reload nor a look at the history gives the code away.
	history.replaceState(null, '', '/');
	if (answer.get('state') !== request.state) throw new Error('this is not an answer to a request of this tab');
	// Another server could have sent the person here (RFC 9207).
	if (answer.get('iss') !== issuer) throw new Error('this answer comes from another server');
	if (answer.has('error')) throw new Error(answer.get('error') === 'access_denied' ? 'you did not allow it' : answer.get('error_description'));
	tokens = await ask({ grant_type: 'authorization_code', code: answer.get('code'), redirect_uri, code_verifier: request.verifier });
	tokens.subject = claimsOf(tokens.id_token, request.nonce).sub;
}

async function show() {
	const answer = await fetch(server.userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
	if (!answer.ok) throw new Error(`the server does not say who you are: ${answer.status}`);
	const claims = await answer.json();
	if (claims.sub !== tokens.subject) throw new Error('the claims are about somebody else');
	element('claims').replaceChildren(...Object.entries(claims).flatMap(([name, value]) => {
		const [term, text] = [document.createElement('dt'), document.createElement('dd')];
		term.textContent = name;
		text.textContent = String(value);
		return [term, text];
	}));
	say(`Signed in as ${claims.name ?? claims.sub}.`);
}

async function refresh() {
	const fresh = await ask({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
	// Every refresh token works once: the new one takes its place.
	tokens = { ...tokens, ...fresh };
	await show();
	say(`${element('status').textContent} The tokens are new.`);
}

async function signOut() {
	const { refresh_token, id_token } = tokens;
	tokens = null;
	if (refresh_token) await fetch(server.revocation_endpoint, { method: 'POST', body: new URLSearchParams({ client_id, token: refresh_token }) });
	location.assign(`${server.end_session_endpoint}?${new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: redirect_uri })}`);
}

/** Does something and shows what can be done next. */
async function then(act) {
	try {
		await act();
	} catch (problem) {
		say(`This did not work: ${problem.message}.`);
	}
	if (!tokens) element('claims').replaceChildren();
	element('sign-in').hidden = Boolean(tokens);
	element('refresh').hidden = !tokens?.refresh_token;
	element('sign-out').hidden = !tokens;
}

element('sign-in').addEventListener('click', () => then(signIn));
element('refresh').addEventListener('click', () => then(refresh));
element('sign-out').addEventListener('click', () => then(signOut));
const answer = new URLSearchParams(location.search);
await then(async () => {
	if (!answer.has('state')) return say('You are not signed in.');
	await comeBack(answer);
	await show();
});
