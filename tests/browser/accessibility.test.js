// Every page in every look: light and dark, wide and narrow, with scripts and without.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import axeCore from 'axe-core';
import { ORG, answer, open, scene, serve, visit } from './harness.js';
import { addresses, scripted, states } from './states.js';

const { source } = axeCore;
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const ALLOW = [400, 404, 409, 410, 422];

let server;
let at;
before(async () => {
	server = await serve();
	const { page, context } = await open(server, 'ada');
	at = await addresses(page);
	await context.close();
});

const steps = () => [
	...Object.entries(at).map(([name, path]) => [name, page => page.goto(path)]),
	...Object.entries(states).map(([name, go]) => [name, page => go(page, at)]),
];

/** Shares the steps between two pages, since there are two processors. */
async function each(options, all, act) {
	const queue = [...all];
	const troubles = [];
	const worker = async () => {
		const opened = await open(server, 'ada', { allow: ALLOW, ...options });
		for (let step = queue.shift(); step; step = queue.shift()) {
			const [name, go] = step;
			try {
				await opened.page.setViewportSize({ width: 1280, height: 900 });
				await go(opened.page);
				troubles.push(...await act(opened.page, name));
			} catch (problem) {
				troubles.push(`${name}: ${problem.message}`);
			}
		}
		await opened.context.close();
		// A blocked script is the point of that look.
		troubles.push(...opened.troubles.filter(text => !(options.scripts && /ERR_BLOCKED_BY_CLIENT|\.js/.test(text))));
	};
	await Promise.all([worker(), worker()]);
	return troubles;
}

/** Violations in one look. Colours are all that a theme changes, so the dark looks ask about contrast alone. */
async function look(page, colorScheme, width) {
	await page.emulateMedia({ colorScheme });
	await page.setViewportSize({ width, height: 900 });
	const only = colorScheme === 'dark' ? { type: 'rule', values: ['color-contrast'] } : { type: 'tag', values: TAGS };
	return page.evaluate(async runOnly => {
		const { violations } = await globalThis.axe.run(document, { runOnly, resultTypes: ['violations'] });
		return violations.flatMap(({ id, nodes }) => nodes.slice(0, 2).map(node => `${id}: ${node.target} (${node.failureSummary})`));
	}, only);
}

async function axe(page, name) {
	// Evaluated as a debugger would, which no content security policy forbids.
	await page.evaluate(`${source}; undefined`);
	const found = new Set();
	for (const width of [1280, 320]) {
		for (const scheme of ['light', 'dark']) {
			for (const text of await look(page, scheme, width)) found.add(`${name}, ${scheme}, ${width}: ${text}`);
		}
	}
	return [...found];
}

test('T52 axe finds nothing on any page, with scripts', async () => {
	const all = [...steps(), ...Object.entries(scripted).map(([name, go]) => [name, page => go(page, at)])];
	assert.deepEqual(await each({}, all, axe), []);
});

test('T52 axe finds nothing on any page when no script arrives', async () => {
	assert.deepEqual(await each({ scripts: 'blocked' }, steps(), axe), []);
});

test('T52 axe finds nothing on the pages before sign-in', async () => {
	const { page, context } = await open(server, '', { allow: ALLOW.concat(401) });
	const found = [];
	for (const path of ['/login', '/login/recover', '/login/recover/nonsense', '/setup/nonsense', '/nowhere']) {
		await page.goto(path);
		found.push(...await axe(page, path));
	}
	await page.goto('/login');
	await answer(page, () => page.click('button[type=submit]'));
	found.push(...await axe(page, 'sign-in refused'));
	await context.close();
	assert.deepEqual(found, []);
});

/** What is cut off or wider than the page. */
const measure = () => {
	const found = [];
	const { scrollWidth } = document.scrollingElement;
	if (scrollWidth > innerWidth) {
		const wide = [...document.querySelectorAll('main *')].filter(node => node.getBoundingClientRect().right > innerWidth + 1
			&& !node.closest('.scroll, pre, [popover]'));
		found.push(`${scrollWidth} wide: ${wide.slice(-1).map(node => node.outerHTML.slice(0, 120))}`);
	}
	const name = node => `${node.localName}.${node.className} “${node.innerText?.slice(0, 30) || node.value || ''}”`;
	for (const node of document.querySelectorAll('button, .btn, .small-btn, .badge, .tag, .chip, summary, select, input:not([type=hidden]), .tabs a, .side a')) {
		if (!node.checkVisibility() || node.closest('.sr') || node.matches('.sr')) continue;
		const hides = ['hidden', 'clip', 'auto', 'scroll'].includes(getComputedStyle(node).overflowY) || node.matches('input, select');
		if (hides && node.scrollHeight > node.clientHeight + 2) found.push(`clipped: ${name(node)} ${node.scrollHeight} > ${node.clientHeight}`);
		const box = node.getBoundingClientRect();
		if (!hides && box.height + 2 < node.scrollHeight) found.push(`spills: ${name(node)} ${node.scrollHeight} > ${box.height}`);
	}
	return [...new Set(found)];
};

const styled = (page, css) => page.evaluate(text => {
	const sheet = new CSSStyleSheet();
	sheet.replaceSync(text);
	document.adoptedStyleSheets = [sheet];
}, css);

test('T53 T54 nothing is wider than 320 pixels, cut off by spaced text, or by text of twice the size', async () => {
	const all = [...steps(), ...Object.entries(scripted).map(([name, go]) => [name, page => go(page, at)])];
	const troubles = await each({}, all, async (page, name) => {
		const found = [];
		const note = async what => found.push(...(await page.evaluate(measure)).map(text => `${name}, ${what}: ${text}`));
		// 1280 pixels at a zoom of 400 % are these 320, so this is both.
		await page.setViewportSize({ width: 320, height: 640 });
		await note('320 wide');
		await styled(page, '*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}p{margin-block-end:2em!important}');
		await note('320 wide, text spaced');
		await page.setViewportSize({ width: 1280, height: 900 });
		await note('text spaced');
		await styled(page, 'html{font-size:200%}');
		await note('text twice as large');
		return found;
	});
	assert.deepEqual(troubles, []);
});

test('T56 targets are large enough and icon buttons have names', async () => {
	const troubles = await each({}, steps(), async (page, name) => {
		const found = [];
		for (const width of [1280, 320]) {
			await page.setViewportSize({ width, height: 900 });
			found.push(...await page.evaluate(() => {
				const found = [];
				for (const node of document.querySelectorAll('button, input:not([type=hidden]), select, textarea, summary, a.btn, a.small-btn, a.chip, .tabs a, .side a, .menu a, .pager a')) {
					if (!node.checkVisibility() || node.matches('.sr') || node.closest('.sr')) continue;
					const target = node.matches('[type=checkbox], [type=radio]') ? node.closest('label') ?? node : node;
					const { width, height } = target.getBoundingClientRect();
					if (width < 24 || height < 24) found.push(`${Math.round(width)}×${Math.round(height)} ${node.outerHTML.slice(0, 100)}`);
					if (node.localName === 'button' && !node.innerText.trim() && !node.getAttribute('aria-label')) found.push(`nameless ${node.outerHTML.slice(0, 100)}`);
				}
				return found;
			}).then(all => all.map(text => `${name} ${width}: ${text}`)));
		}
		return found;
	});
	assert.deepEqual(troubles, []);
});

scene('T56 who asks for less motion gets none', () => server, { reducedMotion: 'reduce' }, async page => {
	await scripted['side panel'](page, at);
	const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter(node => {
		const { animationName, animationDuration, transitionDuration } = getComputedStyle(node);
		const long = text => text.split(',').some(part => Number.parseFloat(part) > 0.01);
		return (animationName !== 'none' && long(animationDuration)) || long(transitionDuration);
	}).map(node => node.outerHTML.slice(0, 80)));
	assert.deepEqual(moving, []);
	assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

for (const scripts of [undefined, 'blocked']) {
	scene(`T58 the first byte has the chosen theme${scripts ? ', when no script arrives' : ''}`, () => server, { scripts, colorScheme: 'light', allow: scripts ? ['js'] : [] }, async (page, { troubles }) => {
		const choose = async theme => {
			await visit(page, '/me/preferences');
			await page.check(`[name=theme][value="${theme}"]`);
			await answer(page, () => page.click('button:text-is("Save preferences")'));
		};
		await choose('dark');
		try {
			const response = await page.goto(`${ORG}/clients`, { waitUntil: 'domcontentloaded' });
			const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
			assert.match(await response.text(), /<html[^>]*data-theme="dark"/);
			assert.equal(background, 'rgb(14, 17, 22)');
		} finally {
			await choose('');
		}
		if (scripts) troubles.splice(0, troubles.length, ...troubles.filter(text => !/ERR_BLOCKED_BY_CLIENT|\.js/.test(text)));
	});
}
