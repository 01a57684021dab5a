// The pages and their states, for everything that looks at all of them: how each is reached.
import { ORG, answer, createService, idsByName } from './harness.js';

const press = (page, selector) => answer(page, () => page.click(selector));

/** Addresses by what they are, of the demonstration. */
export async function addresses(page) {
	const ids = await idsByName(page, 'status=active,disabled,deleted');
	const client = (name, tail = '') => `${ORG}/clients/${ids.get(name)}${tail}`;
	const links = async (path, pattern) => [...(await (await page.request.get(path)).text()).matchAll(pattern)].map(([, href]) => href);
	const apis = await links(`${ORG}/apis`, /href="(\/orgs\/acme\/apis\/(?!new)[^"/?]+)"/g);
	const [member] = await links(`${ORG}/people`, /href="(\/orgs\/acme\/people\/usr_[^"/?]+)"/g);
	const [event] = await links(`${ORG}/activity`, /href="(\/orgs\/acme\/activity\/[^"/?]+)"/g);
	const [webhook] = await links(`${ORG}/settings/webhooks`, /href="(\/orgs\/acme\/settings\/webhooks\/wh_[^"/?]+)"/g);
	const [message] = await links(webhook, /href="(\/orgs\/acme\/settings\/webhooks\/wh_[^"/?]+\/deliveries\/[^"/?]+)"/g);
	const [credential] = await links('/me/credentials', /href="(\/me\/credentials\/oac_[^"/?]+)"/g);
	const invoices = [];
	for (const api of new Set(apis)) {
		if ((await (await page.request.get(api)).text()).includes('invoices:delete')) invoices.push(api);
	}
	const [api] = invoices;
	const asks = (name, redirect_uri, scope) => `/oauth2/authorize?${new URLSearchParams({
		response_type: 'code', client_id: ids.get(name), redirect_uri, scope, prompt: 'consent', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256',
	})}`;
	const away = 'https://travel.acme.example/callback';
	return {
		overview: ORG,
		list: `${ORG}/clients`,
		'filtered empty': `${ORG}/clients?q=zebra&used=90d`,
		archived: `${ORG}/clients?status=deleted`,
		templates: `${ORG}/clients/new?help=1`,
		'create custom': `${ORG}/clients/new/custom`,
		'create connector': `${ORG}/clients/new/sync-connector`,
		'create native': `${ORG}/clients/new/native`,
		client: client('Customer portal'),
		'client without end': client('Regional settlement and reconciliation batch for the northern distribution area, second shift, replacement of 2024 (v 2)'),
		'client right to left': client('ייצוא חשבוניות'),
		'client disabled': client('Legacy importer'),
		'client archived': client('Old exporter'),
		'client system': `${ORG}/clients/oa_sync_client`,
		secrets: client('Invoice exporter', '/secrets'),
		access: client('Customer portal', '/access'),
		'people and grants': client('Customer portal', '/grants'),
		'revoke all': client('Customer portal', '/grants/all'),
		'client activity': client('Invoice exporter', '/activity'),
		'try it': client('Invoice exporter', '/try'),
		'try it previewed': client('Invoice exporter', '/try?lang=python&preview=1'),
		'try it for people': client('Customer portal', '/try'),
		'client failures': client('Invoice exporter', '/failures'),
		'token inspector': `${ORG}/tools/token`,
		edit: client('Customer portal', '/edit'),
		rotate: client('Invoice exporter', '/rotate'),
		transfer: client('Customer portal', '/transfer'),
		transfers: `${ORG}/clients/transfers`,
		disable: client('HR sync', '/disable'),
		delete: client('HR sync', '/delete'),
		apis: `${ORG}/apis`,
		api,
		'new api': `${ORG}/apis/new`,
		'new scope': `${api}/scopes/new`,
		'delete scope': `${api}/scopes/invoices:delete/delete`,
		'delete api': `${api}/delete`,
		members: `${ORG}/people`,
		member,
		'add member': `${ORG}/people/new`,
		activity: `${ORG}/activity`,
		'activity entry': event,
		'activity verified': `${ORG}/activity/verify`,
		settings: `${ORG}/settings`,
		webhooks: `${ORG}/settings/webhooks`,
		'new webhook': `${ORG}/settings/webhooks/new`,
		webhook,
		'edit webhook': `${webhook}/edit`,
		'rotate webhook': `${webhook}/rotate`,
		'delete webhook': `${webhook}/delete`,
		'webhook message': message,
		preferences: '/me/preferences',
		profile: '/me/profile',
		credentials: '/me/credentials',
		'new credential': '/me/credentials/new',
		credential,
		'edit credential': `${credential}/edit`,
		'rotate credential': `${credential}/rotate`,
		'delete credential': `${credential}/delete`,
		'member credentials': `${ORG}/credentials`,
		'credential for a member': `${member}/credentials/new`,
		'credential not found': '/credentials/claim/nothing',
		'connected apps': '/me/apps',
		'remove app': `/me/apps/${ids.get('Customer portal')}`,
		'my activity': '/me/activity',
		consent: asks('Travel planner', away, 'openid profile email offline_access invoices:read invoices:write'),
		'consent misread': asks('Partner portal', 'https://sign-in.acme.example.com.accounts.partner-portal.example/callback', 'openid profile invoices:read'),
		'untrusted request': asks('Travel planner', `${away}/x`, 'openid'),
		'expired request': '/consent?tx=nonsense',
		'account chooser': '/login/choose?return_to=/me/preferences',
		'sign in again': '/login?again=1&return_to=/me/preferences',
		security: '/me/security',
		sessions: '/me/sessions',
		'device code': '/device',
		'sign out asked': '/oauth2/logout',
		'sign out not trusted': '/oauth2/logout?id_token_hint=x',
		shortcuts: '/help/shortcuts',
		glossary: '/help/glossary',
		errors: '/help/errors',
		'not found': `${ORG}/nowhere`,
	};
}

/** Prepares a credential for oneself, as an admin does for a member. */
async function offer(page, at) {
	await page.goto(at['credential for a member']);
	await page.fill('[name=name]', 'Offered');
	await page.locator('[name="scope-0"]').first().check();
	await press(page, 'main form.form .actions button.primary');
}

/** Deletes a credential without leaving the page. */
async function removed(page, path) {
	const csrf = await page.locator('[name=csrf]').first().getAttribute('value');
	await page.request.post(`${path}/delete`, { form: { csrf }, headers: { origin: new URL(page.url()).origin } });
}

/** States that no address has. `js` says whether scripts run. */
export const states = {
	'create refused': async (page, at) => {
		await page.goto(at['create custom']);
		await page.check('[name=type][value=web]');
		await page.check('[name=grant_types][value=authorization_code]');
		await page.locator('[data-rows] input').first().fill('http://*.example.com/#x');
		await press(page, 'main form.form button.primary');
	},
	'secret shown': async page => {
		await createService(page, 'Seen once');
		await page.click('summary:text-is("Show secret")');
	},
	'delete refused': async (page, at) => {
		await page.goto(at.delete);
		await press(page, 'button.danger');
	},
	'end a secret': async (page, at) => {
		await page.goto(at.secrets);
		await page.locator('#secrets button[popovertarget]').first().click();
		await press(page, '.menu:popover-open a.bad');
	},
	'row menu': async (page, at) => {
		await page.goto(at.list);
		await page.locator('#clients tbody button.icon-btn[popovertarget]').nth(6).click();
	},
	'consent opened': async (page, at) => {
		await page.goto(at.consent);
		for (const summary of await page.locator('main summary').all()) await summary.click();
	},
	'device code refused': async (page, at) => {
		await page.goto(at['device code']);
		await page.fill('[name=user_code]', 'BBBB-BBBB');
		await press(page, '#device button[type=submit]');
	},
	'device confirm': async page => {
		const body = new URLSearchParams({ client_id: (await idsByName(page)).get('Meter reader'), scope: 'openid telemetry:read' });
		const begun = await page.request.post('/oauth2/device_authorization', {
			headers: { 'content-type': 'application/x-www-form-urlencoded' }, data: body.toString(),
		});
		await page.goto((await begun.json()).verification_uri_complete);
		await press(page, '#device button[type=submit]');
		await page.locator('#confirm').waitFor();
	},
	'untrusted request opened': async (page, at) => {
		await page.goto(at['untrusted request']);
		await page.click('main summary');
	},
	'many disabled': async (page, at) => {
		await page.goto(at.list);
		for (const nth of [5, 6, 7]) await page.locator('#clients td.tick input').nth(nth).check();
		await press(page, 'button[name=do][value=disable]');
	},
	'change confirmed': async (page, at) => {
		await page.goto(at.edit);
		await page.locator('[name=redirect_uris]').first().fill('https://app.acme.example/other');
		await press(page, 'main form.form div.actions button.primary');
		await page.locator('h1:has-text("Save changes")').waitFor();
	},
	'test token': async (page, at) => {
		await page.goto(at['try it']);
		await press(page, '#test button');
	},
	'test token refused': async (page, at) => {
		await page.goto(at['try it']);
		await page.fill('#test-scope', 'nothing:known');
		await press(page, '#test button');
	},
	'token inspected': async (page, at) => {
		await page.goto(at['try it']);
		await press(page, '#test button');
		const token = await page.inputValue('#token');
		await page.goto(at['token inspector']);
		await page.fill('#token', token);
		await press(page, 'main button.primary');
	},
	'no token': async (page, at) => {
		await page.goto(at['token inspector']);
		await page.fill('#token', 'oas_x');
		await press(page, 'main button.primary');
	},
	failure: async (page, at) => {
		await page.goto(at['client failures']);
		await press(page, 'main a[href*="/failures/err_"]');
	},
	'no failure': async page => { await page.goto('/failures/err_nothing'); },
	'connector shown': async (page, at) => {
		await page.goto(at['create connector']);
		await page.fill('[name=host]', 'dc9.acme.example');
		await press(page, 'main form.form button.primary:text-is("Create client")');
	},
	'first token awaited': async page => {
		await createService(page, 'Awaited');
		await press(page, 'a:text-is("Check now")');
	},
	'credential refused': async (page, at) => {
		await page.goto(at['new credential']);
		await press(page, 'main form.form .actions button.primary');
	},
	'credential shown': async (page, at) => {
		await page.goto(at['new credential']);
		await page.fill('[name=name]', 'Shown once');
		await page.locator('[name="scope-0"]').first().check();
		await press(page, 'main form.form .actions button.primary');
		const made = await page.getAttribute('a[data-done]', 'href');
		await page.click('summary:text-is("Show secret")');
		// A person has only so many; the page shown stays as it is.
		await removed(page, made);
	},
	'credential offered': async (page, at) => {
		await offer(page, at);
	},
	'credential claimed': async (page, at) => {
		await offer(page, at);
		await page.goto(new URL(await page.textContent('#link')).pathname);
	},
	'transfer confirmed': async (page, at) => {
		await page.goto(at.transfer);
		await page.fill('[name=to]', 'globex');
		await press(page, 'main form.form button.primary');
	},
	'webhook shown': async (page, at) => {
		await page.goto(at['new webhook']);
		await page.fill('[name=url]', 'https://siem.acme.example/other');
		await page.locator('main form [type=checkbox]').first().check();
		await press(page, 'main form.form button.primary');
		await page.click('main summary');
	},
	'webhook refused': async (page, at) => {
		await page.goto(at['new webhook']);
		await page.fill('[name=url]', 'http://siem.acme.example/other');
		await press(page, 'main form.form button.primary');
	},
	conflict: async (page, at) => {
		await page.goto(at.edit);
		const form = await page.locator('main form.form').evaluate(form => [...new FormData(form)]);
		await page.fill('[name=description]', 'Mine');
		const theirs = new URLSearchParams(form);
		theirs.set('description', `Theirs ${Math.random()}`);
		await page.request.post(at.edit, {
			headers: { origin: new URL(page.url()).origin, 'content-type': 'application/x-www-form-urlencoded' }, data: theirs.toString(),
		});
		await press(page, 'main form.form div.actions button.primary');
	},
};

export const scripted = {
	'side panel': async (page, at) => {
		await page.goto(at.list);
		await page.locator('#clients tbody th a').nth(5).click();
		await page.locator('dialog:modal h1').waitFor();
	},
	'shortcuts dialog': async (page, at) => {
		await page.goto(at.overview);
		await page.keyboard.press('?');
		await page.locator('dialog:modal').waitFor();
	},
	'ticked rows': async (page, at) => {
		await page.goto(at.list);
		await page.locator('#clients td.tick input').first().check();
	},
};
