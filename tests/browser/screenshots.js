// Pictures of every page, light and dark, wide and narrow, for eyes: node tests/browser/screenshots.js [NAME…]
// They go to target/screenshots; with names, only those pages.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, close, open, serve } from './harness.js';
import { addresses, scripted, states } from './states.js';

const wanted = process.argv.slice(2);
const folder = join(ROOT, 'target/screenshots');
mkdirSync(folder, { recursive: true });

const server = await serve();
const { page } = await open(server, 'ada');
const at = await addresses(page);
const steps = [
	...Object.entries(at).map(([name, path]) => [name, () => page.goto(path)]),
	...Object.entries({ ...states, ...scripted }).map(([name, go]) => [name, () => go(page, at)]),
];
for (const [name, go] of steps.filter(([name]) => wanted.length === 0 || wanted.includes(name))) {
	await page.setViewportSize({ width: 1280, height: 900 });
	await go();
	for (const [colorScheme, width] of [['light', 1280], ['dark', 1280], ['light', 320], ['dark', 320]]) {
		await page.emulateMedia({ colorScheme });
		await page.setViewportSize({ width, height: width === 320 ? 720 : 900 });
		const path = join(folder, `${name.replaceAll(' ', '-')}-${colorScheme}-${width}.png`);
		await page.screenshot({ path, fullPage: !name.endsWith('panel') && !name.endsWith('dialog'), animations: 'disabled' });
	}
}
const { page: stranger } = await open(server, '');
await stranger.goto('/login');
for (const colorScheme of ['light', 'dark']) {
	await stranger.emulateMedia({ colorScheme });
	await stranger.screenshot({ path: join(folder, `login-${colorScheme}-1280.png`) });
}
await close();
