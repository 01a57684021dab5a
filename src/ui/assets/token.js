// The token inspector: what is pasted is decoded here. Nothing is sent before somebody asks the server.
const box = document.querySelector('#token');
const out = document.querySelector('#decoded');
const row = (name, node) => {
	const term = document.createElement('dt');
	const about = document.createElement('dd');
	term.textContent = name;
	about.append(node);
	return [term, about];
};
const block = (title, value) => {
	const heading = document.createElement('h3');
	const pre = document.createElement('pre');
	heading.textContent = title;
	pre.tabIndex = 0;
	pre.textContent = JSON.stringify(value, null, 2);
	return [heading, pre];
};
function part(text, name) {
	let json;
	try {
		const bytes = Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), ch => ch.charCodeAt(0));
		json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
	} catch { throw new Error(`The ${name} is not JSON in base64url.`); }
	return json;
}
function moment(seconds) {
	const at = new Date(seconds * 1000);
	if (Number.isNaN(at.getTime())) return String(seconds);
	const minutes = Math.round((at - Date.now()) / 60000);
	const far = Math.abs(minutes) > 180 ? `${Math.round(Math.abs(minutes) / 60)} h` : `${Math.abs(minutes)} min`;
	return `${at.toLocaleString()} (${minutes < 0 ? `${far} ago` : `in ${far}`})`;
}
function show() {
	const text = box.value.trim();
	out.hidden = !text;
	if (!text) return out.replaceChildren();
	const facts = document.createElement('dl');
	facts.className = 'facts';
	const nodes = [facts];
	try {
		if (/^oa[ts]_|^ort_/.test(text)) throw new Error(text.startsWith('oas_')
			? 'This is the secret of a client, no token. If it leaked, rotate it now.' : 'Only the server knows what this token says: ask it.');
		const parts = text.split('.');
		if (parts.length !== 3) throw new Error(`A JWT has two dots; this text has ${parts.length - 1}.`);
		const header = part(parts[0], 'header');
		const claims = part(parts[1], 'payload');
		facts.append(...row('Issuer', `${claims.iss ?? 'does not say'}${claims.iss === out.dataset.issuer ? ' (this server)' : ' – not ours, not verified'}`));
		for (const [name, words] of [['iat', 'Issued'], ['nbf', 'Not before'], ['exp', 'Expires']]) {
			if (typeof claims[name] === 'number') facts.append(...row(words, moment(claims[name])));
		}
		facts.append(...row('Signature', 'not checked here: ask the server'));
		nodes.push(...block('Header', header), ...block('Payload', claims));
	} catch (problem) { facts.append(...row('Not decoded', problem.message)); }
	out.replaceChildren(...nodes);
}
box?.addEventListener('input', show);
addEventListener('pagehide', () => { if (box) box.value = ''; out?.replaceChildren(); });
