// A person with a browser that knows no script: it keeps cookies, follows redirects and fills in the forms that the
// pages have. When a redirect leads away from the server, the person has arrived at the app.
import assert from 'node:assert/strict';

const decode = text => text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(lt|gt|amp|quot|apos));/gi, (_, decimal, hex, name) => (name
	? { lt: '<', gt: '>', amp: '&', quot: '"', apos: '\'' }[name]
	: String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal ? 10 : 16))));

/** The attributes of a tag; one without a value is empty. */
function attributes(tag) {
	const found = {};
	for (const [, name, value] of tag.replace(/^<[\w-]+/, '').matchAll(/([\w:-]+)(?:="([^"]*)")?/g)) found[name] = decode(value ?? '');
	return found;
}

/** A page: where it is, what it says. */
class Page {
	constructor(url, status, text) {
		Object.assign(this, { url, status, text });
	}

	/** The text of the element with this id. */
	textOf(id) {
		const [, tag, text] = this.text.match(new RegExp(`<(\\w+)[^>]*\\sid="${id}"[^>]*>([\\s\\S]*?)</\\1>`)) ?? [];
		return tag && decode(text.replace(/<[^>]*>/g, '')).trim();
	}

	get title() {
		return decode(this.text.match(/<title>(.*?)<\/title>/)?.[1] ?? '');
	}

	/** The form with this id, or the first one that posts here. */
	form(id) {
		const forms = [...this.text.matchAll(/(<form[^>]*>)([\s\S]*?)<\/form>/g)].map(([, tag, text]) => ({ tag: attributes(tag), text }));
		const found = forms.find(form => (id ? form.tag.id === id : form.text.includes('type="submit"') && new URL(form.tag.action ?? '', this.url).href === this.url));
		assert.ok(found, `${this.url} (${this.status}, “${this.title}”) has no form ${id ?? ''}`);
		return found;
	}

	has(id) {
		return new RegExp(`\\sid="${id}"`).test(this.text);
	}
}

/** What a browser would send if the person changed nothing. */
function untouched(text) {
	const fields = [];
	for (const [tag] of text.matchAll(/<input[^>]*>/g)) {
		const { type = 'text', name, value = '', ...rest } = attributes(tag);
		const ticked = !['checkbox', 'radio'].includes(type) || 'checked' in rest;
		if (name && ticked && !('disabled' in rest)) fields.push([name, type === 'checkbox' && !value ? 'on' : value]);
	}
	for (const [, tag, body] of text.matchAll(/(<textarea[^>]*>)([\s\S]*?)<\/textarea>/g)) fields.push([attributes(tag).name, decode(body).trim()]);
	for (const [, tag, body] of text.matchAll(/(<select[^>]*>)([\s\S]*?)<\/select>/g)) {
		const options = [...body.matchAll(/<option[^>]*>/g)].map(([option]) => attributes(option));
		const chosen = options.find(option => 'selected' in option) ?? options[0];
		if (chosen) fields.push([attributes(tag).name, chosen.value]);
	}
	return fields;
}

export class PlainBrowser {
	#cookies = new Map();

	constructor(origin) {
		this.origin = origin;
	}

	/** Opens an address; gives a page, or the URL of the app it was led to. */
	async open(address, { method = 'GET', body } = {}) {
		let url = new URL(address, this.origin);
		for (let hops = 0; hops < 15; hops++) {
			if (url.origin !== this.origin) return url;
			const headers = { accept: 'text/html', cookie: [...this.#cookies].map(pair => pair.join('=')).join('; ') };
			if (method === 'POST') headers.origin = this.origin;
			const answer = await fetch(url, { method, body, headers, redirect: 'manual' });
			for (const line of answer.headers.getSetCookie()) {
				const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
				if (/max-age=0/i.test(line)) this.#cookies.delete(name); else this.#cookies.set(name, value);
			}
			const location = answer.headers.get('location');
			if (!location || answer.status < 300 || answer.status > 399) return this.page = new Page(url.href, answer.status, await answer.text());
			await answer.body?.cancel();
			url = new URL(location, url);
			if (answer.status !== 307 && answer.status !== 308) [method, body] = ['GET', undefined];
		}
		throw new Error(`${address} redirects without end`);
	}

	/** Sends a form of the page that is open. `values` replaces fields (a list: each of them), `button` is the one pressed. */
	async submit(id, values = {}, button) {
		const { tag, text } = this.page.form(id);
		const body = new URLSearchParams(untouched(text).filter(([name]) => !(name in values)));
		for (const [name, value] of Object.entries(values)) for (const each of [value].flat()) body.append(name, each);
		if (button) {
			const pressed = [...text.matchAll(/<button[^>]*>/g)].map(([one]) => attributes(one)).find(one => one.id === button);
			assert.ok(pressed, `the form has no button ${button}`);
			body.append(pressed.name, pressed.value);
		}
		return this.open(new URL(tag.action ?? '', this.page.url), { method: 'POST', body });
	}

	/**
	 * Goes where an app sends people, signs in where asked to, and answers `#consent` with a button; gives the URL with
	 * which the app gets its answer.
	 */
	async walk(address, { username, password, press = 'allow' } = {}) {
		let at = await this.open(address);
		for (let steps = 0; at instanceof Page && steps < 6; steps++) {
			if (at.has('sign-in')) at = await this.submit('sign-in', { username, password });
			else if (at.has('consent')) at = await this.submit('consent', {}, press);
			else break;
		}
		assert.ok(at instanceof URL, `the person is stuck at ${at.url}: ${at.status} “${at.title}” ${at.textOf?.('error-description') ?? ''}`);
		return at;
	}
}

/** The console, in the hands of an administrator who uses a plain browser. */
export class Console extends PlainBrowser {
	async signIn(username, password) {
		await this.open('/login');
		await this.submit('sign-in', { username, password });
		[this.home] = new URL(this.page.url).pathname.match(/^\/orgs\/[^/]+/) ?? [];
		assert.ok(this.home, `${username} is signed in, but ${this.page.url} is no page of an organisation`);
	}

	/** Creates a client from a template: what `fields` says, and these scopes. Gives its id and, where it has one, its secret. */
	async create(template, name, scopes, fields = {}) {
		const page = await this.open(`${this.home}/clients/new/${template}`);
		const ids = scopes.split(' ').map(scope => {
			const row = page.text.split('<label class="scope"').find(text => text.includes(`<code translate="no">${scope}</code>`));
			assert.ok(row, `the form offers no scope ${scope}`);
			return row.match(/value="([^"]*)"/)[1];
		});
		const made = await this.submit(undefined, { name, scopes: ids, ...fields });
		const id = made.textOf('client-id');
		assert.ok(id, `${name} was not created: ${made.status} “${made.title}” ${made.textOf('errors') ?? ''}`);
		return { id, secret: made.textOf('secret') };
	}
}
