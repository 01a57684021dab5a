// Enhances pages that already work without it.
const root = document.documentElement;
const one = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const byId = (id, near) => one(`#${CSS.escape(id)}`, near?.closest('dialog') ?? document) ?? document.getElementById(id);
const parse = html => new DOMParser().parseFromString(html, 'text/html');

// A modal dialog makes the rest inert, so it has a region of its own.
function say(text) {
	const region = one('dialog:modal [role=status].sr') ?? byId('live');
	if (!region) return;
	region.textContent = '';
	setTimeout(() => { region.textContent = text; }, 50);
}

// Fetches a part of a page. A redirect means another page: the caller then navigates.
async function fragment(url, kind, options = {}) {
	const answer = await fetch(url, { ...options, headers: { 'X-Fragment': kind } });
	if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
	return parse(await answer.text());
}
const part = (doc, selector) => (one(selector, doc) ?? doc.body).childNodes;

async function copy(button) {
	const source = byId(button.dataset.copy, button);
	const wrap = button.dataset.wrap;
	const text = wrap ? wrap.replace('{}', () => source.textContent) : source.textContent;
	try {
		await navigator.clipboard.writeText(text);
		stored = true;
		say('Copied');
		button.classList.add('done');
		const show = icon => {
			const use = one('use', button);
			use?.setAttribute('href', use.getAttribute('href').replace(/#.*/, icon));
		};
		show('#check');
		setTimeout(() => { button.classList.remove('done'); show('#copy'); }, 2000);
	} catch {
		const closed = source.closest('details:not([open])');
		if (closed) closed.open = true;
		const range = document.createRange();
		range.selectNodeContents(source);
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		const how = `Press ${/Mac|iP/.test(navigator.platform) ? '⌘' : 'Ctrl'} C to copy`;
		say(how);
		const note = byId('copy-failed', button);
		if (note) { note.hidden = false; note.textContent = how; }
	}
}

// Live search: form[data-live]
function liveSearch(form) {
	const box = byId('results');
	if (!box) return;
	let timer, control;
	const run = async () => {
		clearTimeout(timer);
		control?.abort();
		const mine = control = new AbortController();
		const url = new URL(form.getAttribute('action'), location.href);
		for (const [key, value] of new FormData(form)) if (value) url.searchParams.append(key, value);
		const waits = [
			setTimeout(() => box.setAttribute('aria-busy', 'true'), 150),
			setTimeout(() => say('Still loading…'), 3000),
			setTimeout(() => location.assign(url), 10000),
		];
		try {
			const doc = await fragment(url, 'results', { signal: mine.signal });
			box.replaceChildren(...part(doc, '#results'));
			history.replaceState(history.state, '', url);
			say(byId('count')?.textContent ?? '');
		} catch (problem) {
			if (problem.name !== 'AbortError') location.assign(url);
		} finally {
			waits.forEach(clearTimeout);
			if (mine === control) box.removeAttribute('aria-busy');
		}
	};
	form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(run, 150); });
	form.addEventListener('submit', event => { event.preventDefault(); run(); });
}

// Live summary: form[data-summary] names the block that says the result in sentences
function liveSummary(form) {
	const box = byId(form.dataset.summary);
	let timer, control;
	const run = async () => {
		control?.abort();
		control = new AbortController();
		const body = new URLSearchParams();
		for (const [key, value] of new FormData(form)) if (typeof value === 'string') body.append(key, value);
		body.set('do', 'summary');
		try {
			const to = form.getAttribute('action') || location.href;
			const doc = await fragment(to, 'summary', { method: 'POST', body, signal: control.signal });
			box.replaceChildren(...part(doc, `#${CSS.escape(box.id)}`));
		} catch { /* the last summary stays */ }
	};
	form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(run, 400); });
}

// Side panels and dialogs: a[data-panel] is a link to a page that may open in place
let panel = null;
async function openPanel(link) {
	let doc;
	try { doc = await fragment(link.href, 'panel'); } catch { return location.assign(link.href); }
	if (panel) return;
	const dialog = document.createElement('dialog');
	dialog.className = link.dataset.panel || 'panel';
	const frame = parse('<button type=button class="icon-btn close" data-close aria-label=Close>✕</button><p class=sr role=status>');
	dialog.append(...part(doc, 'main'), ...frame.body.childNodes);
	all('.crumbs', dialog).forEach(node => node.remove());
	const heading = one('h1, h2', dialog);
	if (!heading) return location.assign(link.href);
	heading.id ||= 'panel-heading';
	heading.tabIndex = -1;
	dialog.setAttribute('aria-labelledby', heading.id);
	document.body.append(dialog);
	panel = { dialog, opener: link, title: document.title };
	document.title = doc.title || heading.textContent;
	history.pushState({ panel: true }, '', link.href);
	dialog.addEventListener('input', () => { dialog.dataset.dirty = ''; });
	dialog.addEventListener('close', () => {
		const { opener, title } = panel;
		panel = null;
		dialog.remove();
		document.title = title;
		if (history.state?.panel) history.back();
		(opener.isConnected ? opener : one('main h1'))?.focus();
	});
	dialog.showModal();
	(one('[autofocus]', dialog) ?? heading).focus();
	picked(dialog);
}
addEventListener('popstate', () => {
	if (panel) panel.dialog.close();
	else if (history.state?.panel) location.reload();
});

// URI lists: fieldset[data-rows]
const rowsOf = list => all('li', list);
function number(list) {
	rowsOf(list).forEach((row, i) => {
		one('input', row).setAttribute('aria-label', `${list.dataset.label} ${i + 1}`);
		const remove = one('button', row);
		remove.value = remove.value.replace(/\d+$/, i);
		one('.sr', remove).textContent = ` ${i + 1}`;
	});
}
function addRow(list, text = '') {
	const row = one('template', list).content.firstElementChild.cloneNode(true);
	one('ol', list).append(row);
	one('input', row).value = text;
	number(list);
	return row;
}
function trouble(text, list) {
	const uri = text.trim();
	if (!uri) return '';
	if (all('input', list).filter(other => other.value.trim() === uri).length > 1) return 'This URI is in the list twice.';
	if (uri.includes('*')) return 'Wildcards are not allowed: write each URI out in full.';
	if (uri.includes('#')) return 'A redirect URI has no fragment: remove the part from “#”.';
	let url;
	try { url = new URL(uri); } catch { return 'Write a full URI, beginning with https://'; }
	if (/^(javascript|data|file|blob|about|vbscript|ftp|wss?):$/.test(url.protocol)) return `${url.protocol} cannot receive an answer.`;
	const loopback = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
	if (url.protocol === 'http:' && !loopback) return 'Use https: plain http is only for this computer (127.0.0.1).';
	if (!/^https?:$/.test(url.protocol)) {
		if (list.dataset.rows !== 'native') return 'This type of app returns to https only.';
		if (!url.protocol.includes('.')) return 'A private scheme is a domain name backwards, such as com.example.app:/';
	}
	const twin = uri.endsWith('/') ? uri.slice(0, -1) : `${uri}/`;
	if (all('input', list).some(other => other.value.trim() === twin)) return '~Differs from another row only by the last “/”; both are matched exactly.';
	return '';
}
function judge(list) {
	for (const row of rowsOf(list)) {
		const input = one('input', row);
		const verdict = one('.verdict', row);
		const words = trouble(input.value, list);
		const bad = words && !words.startsWith('~');
		verdict.className = `verdict ${bad ? 'error' : 'hint'}`;
		verdict.textContent = words ? (bad ? '■ ' : '▲ ') + words.replace('~', '') : '';
		verdict.id ||= `verdict-${Math.random().toString(36).slice(2)}`;
		input.setAttribute('aria-describedby', verdict.id);
		input.setAttribute('aria-invalid', Boolean(bad));
	}
}
document.addEventListener('paste', event => {
	const list = event.target.closest?.('[data-rows]');
	const lines = event.clipboardData?.getData('text').split(/\s*[\r\n]+\s*/).filter(Boolean) ?? [];
	if (!list || lines.length < 2) return;
	event.preventDefault();
	const free = rowsOf(list).map(row => one('input', row)).filter(input => !input.value);
	let last = event.target;
	for (const line of lines) {
		last = free.shift() ?? one('input', addRow(list));
		last.value = line.trim();
	}
	judge(list);
	last.focus();
	last.dispatchEvent(new Event('input', { bubbles: true }));
	say(`${lines.length} rows filled`);
});

// Scope picker: [data-picker]
function picked(from = document) {
	for (const box of all('[data-picker]', from)) {
		const ticks = all('.scope input', box);
		const on = ticks.filter(tick => tick.checked);
		const strong = on.filter(tick => tick.closest('.scope').dataset.risk !== 'reads').length;
		one('[data-count]', box).textContent =
			`${on.length} of ${ticks.length} selected` + (strong ? `, ${strong} can change data` : '');
		for (const group of all('fieldset', box)) {
			const own = all('.scope input', group);
			one('[data-sum]', group).textContent = `${own.filter(tick => tick.checked).length} of ${own.length}`;
		}
		const hidden = on.filter(tick => tick.closest('[hidden]')).length;
		one('[data-unseen]', box).textContent = hidden ? `${hidden} selected ${hidden === 1 ? 'is' : 'are'} hidden` : '';
	}
}
function filterScopes(input) {
	const box = input.closest('[data-picker]');
	const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
	for (const group of all('fieldset', box)) {
		let shown = 0;
		for (const row of all('.scope', group)) {
			const text = `${row.textContent} ${one('summary', group).textContent}`.toLowerCase();
			row.hidden = !words.every(word => text.includes(word));
			shown += !row.hidden;
		}
		group.hidden = !shown;
		if (words.length && shown) one('details', group).open = true;
	}
	picked();
}
function pick(button) {
	const box = button.closest('[data-picker]');
	for (const tick of all('.scope input:not(:disabled)', box)) {
		tick.checked = button.dataset.pick === 'reads' && tick.closest('.scope').dataset.risk === 'reads';
	}
	one('.scope input', box)?.dispatchEvent(new Event('input', { bubbles: true }));
}

function selected() {
	for (const bar of all('.bulk')) {
		// Its rows post `id`, which hides the property.
		const id = bar.getAttribute('id');
		const count = all(`input[form="${id}"]:checked`).length;
		bar.classList.toggle('on', count > 0);
		one('[data-selected]', bar).textContent = `${count} selected`;
	}
}

document.addEventListener('click', event => {
	const on = selector => event.target.closest?.(selector);
	let hit;
	if ((hit = on('[data-copy]'))) copy(hit);
	if ((hit = on('a[data-panel]')) && event.button === 0
		&& !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) && !panel) {
		event.preventDefault();
		openPanel(hit);
	}
	if (on('[data-close]')) { event.preventDefault(); on('dialog')?.close(); }
	if (event.target.localName === 'dialog' && !('dirty' in event.target.dataset)) {
		const { left, right, top, bottom } = event.target.getBoundingClientRect();
		const { clientX: x, clientY: y } = event;
		if (x < left || x > right || y < top || y > bottom) event.target.close();
	}
	if ((hit = on('[data-add-row]'))) {
		event.preventDefault();
		one('input', addRow(hit.closest('[data-rows]'))).focus();
	}
	if ((hit = on('[data-remove-row]'))) {
		event.preventDefault();
		const list = hit.closest('[data-rows]');
		const rows = rowsOf(list);
		const at = rows.indexOf(hit.closest('li'));
		if (rows.length > 1) rows[at].remove(); else one('input', list).value = '';
		number(list);
		judge(list);
		one('input', rowsOf(list)[Math.max(0, at - 1)]).focus();
		list.dispatchEvent(new Event('input', { bubbles: true }));
		say('Row removed');
	}
	if ((hit = on('[data-pick]'))) { event.preventDefault(); pick(hit); }
	if (on('[data-done]')) stored = true;
	if ((hit = on('[data-print]'))) print();
	all('.switch[open]').forEach(open => { if (!open.contains(event.target)) open.open = false; });
});
document.addEventListener('dblclick', event => event.target.closest('.choices.submit .choice')?.closest('form')?.requestSubmit());
document.addEventListener('input', event => {
	if (event.target.matches('[data-filter]')) { event.stopPropagation(); filterScopes(event.target); }
	else if (event.target.closest('[data-picker]')) picked();
	if (event.target.matches('[data-all]')) {
		all(`.tick input[form="${event.target.dataset.all}"]`).forEach(tick => { tick.checked = event.target.checked; });
	}
	selected();
});
document.addEventListener('change', event => {
	const list = event.target.closest('[data-rows]');
	if (list) setTimeout(judge, 300, list);
});

const typing = node => node.closest?.('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');
let chord = 0;
function moveRow(step) {
	const rows = all('main tbody tr').filter(row => one('th a', row));
	const at = rows.findIndex(row => row.contains(document.activeElement));
	const next = at < 0 ? rows.at(step > 0 ? 0 : -1) : rows[at + step];
	one('th a', next ?? rows[at] ?? document)?.focus();
}
document.addEventListener('keydown', event => {
	const menu = event.target.closest?.('.menu');
	if (menu && /^(Arrow(Up|Down)|Home|End)$/.test(event.key)) {
		event.preventDefault();
		const items = all('a, button', menu);
		const at = items.indexOf(document.activeElement);
		const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
		return items.at(to % items.length).focus();
	}
	if (event.key === 'ArrowDown' && event.target.matches?.('[popovertarget]')) {
		event.preventDefault();
		const pop = byId(event.target.getAttribute('popovertarget'));
		pop.showPopover({ source: event.target });
		return one('a, button', pop)?.focus();
	}
	if (event.key === 'Escape') {
		const open = event.target.closest?.('.switch[open]');
		if (open) { open.open = false; one('summary', open).focus(); }
	}
	const find = one('form[data-live] input[type=search]') ?? one('.bar input[type=search]');
	if (root.dataset.shortcuts === 'off' || event.ctrlKey || event.metaKey || event.altKey) return;
	if (typing(event.target) || one('dialog:modal')) return;
	const after = Date.now() - chord < 1000 ? 'g ' : '';
	chord = event.key === 'g' && !after ? Date.now() : 0;
	if (chord) return;
	const act = {
		'/': () => { find?.focus(); find?.select(); },
		j: () => moveRow(1),
		k: () => moveRow(-1),
		x: () => event.target.closest('tr')?.querySelector('.tick input')?.click(),
	};
	const link = one(`a[aria-keyshortcuts="${CSS.escape(after + event.key)}"]`);
	if (link) { event.preventDefault(); link.click(); }
	else if (!after && act[event.key]) { event.preventDefault(); act[event.key](); }
});

// A secret never outlives its page
let stored = false;
const secret = one('[data-secret]');
if (secret) {
	const home = one('[data-done]')?.getAttribute('href');
	if (home) history.replaceState(null, '', home);
	addEventListener('beforeunload', event => { if (!stored) event.preventDefault(); });
	document.addEventListener('submit', event => { if (event.target.matches('[data-download]')) stored = true; });
	addEventListener('pagehide', () => all('[data-secret]').forEach(node => node.replaceChildren()));
	addEventListener('pageshow', event => { if (event.persisted) { stored = true; location.replace(location.href); } });
}

// Passkeys: button[data-passkey=get|create] asks /passkeys; what goes along stands in its form
async function ask(url, body) {
	const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
	const said = await answer.json();
	if (!answer.ok) throw new Error(said.error);
	return said;
}
let offered;
async function passkey(button, options) {
	const kind = button.dataset.passkey;
	const body = { own: button.dataset.own ?? '' };
	for (const name of ['csrf', 'return_to', 'factor', 'name']) body[name] = one(`[name=${name}]`, button.form)?.value ?? '';
	const note = byId('passkey-failed');
	offered?.abort();
	const { signal } = offered = new AbortController();
	try {
		const json = await ask(`/passkeys/${kind}/options`, body);
		const publicKey = PublicKeyCredential[kind === 'get' ? 'parseRequestOptionsFromJSON' : 'parseCreationOptionsFromJSON'](json);
		body.credential = await navigator.credentials[kind]({ publicKey, signal, ...options });
		const { location: to, csrf } = await ask(`/passkeys/${kind}`, body);
		if (!csrf || !('resume' in button.form.dataset)) return location.assign(to);
		one('[name=csrf]', button.form).value = csrf;
		button.form.submit();
	} catch (problem) {
		if (signal.aborted || options && problem instanceof DOMException) return;
		note.hidden = false;
		note.textContent = problem instanceof DOMException ? 'No passkey was used. Try again, or go on without one.' : problem.message;
	}
}
if (globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
	all('[data-passkey]').forEach(button => {
		button.hidden = false;
		button.addEventListener('click', () => passkey(button));
	});
	const button = one('[autocomplete~=webauthn]') && one('[data-passkey=get]');
	if (button) PublicKeyCredential.isConditionalMediationAvailable?.().then(can => can && passkey(button, { mediation: 'conditional' }));
}
all('[data-reveal]').forEach(button => button.addEventListener('click', () => {
	const input = byId(button.dataset.reveal);
	const shown = input.type === 'text';
	input.type = shown ? 'password' : 'text';
	button.setAttribute('aria-pressed', !shown);
}));

// Waiting lines: [data-poll] asks until the answer no longer does
function poll(line) {
	let wait = 3000;
	const ask = async () => {
		if (document.visibilityState === 'visible') {
			try {
				const doc = await fragment(line.dataset.poll, 'waiting');
				const fresh = one('[data-poll]', doc);
				const text = (fresh ?? doc.body).textContent.trim();
				if (!fresh) { line.replaceChildren(...doc.body.childNodes); return; }
				if (text !== line.textContent.trim()) line.replaceChildren(...fresh.childNodes);
			} catch { /* asked again later */ }
			wait = Math.min(wait * 1.5, 30000);
		}
		setTimeout(ask, wait);
	};
	setTimeout(ask, wait);
}

all('form[data-live]').forEach(liveSearch);
all('form[data-summary]').forEach(liveSummary);
all('[data-poll]').forEach(poll);
one('form[data-submit]')?.requestSubmit();
picked();
selected();
