// Serves this directory: CLIENT_ID=oac_… node serve.mjs. ISSUER and PORT have defaults.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const { CLIENT_ID: client_id, ISSUER: issuer = 'http://localhost:8080', PORT = 5173 } = process.env;
if (!client_id) throw new Error('Say which client this is: CLIENT_ID=oac_… node serve.mjs');

const types = { '/index.html': 'text/html', '/app.js': 'text/javascript' };
createServer(async ({ url }, response) => {
	const { pathname } = new URL(url, 'http://localhost');
	const file = pathname === '/' ? '/index.html' : pathname;
	// The page may run its own script and talk to the authorization server, and nothing else.
	response.setHeader('content-security-policy', `default-src 'none'; script-src 'self'; connect-src 'self' ${issuer}; base-uri 'none'; frame-ancestors 'none'`);
	response.setHeader('cache-control', 'no-store');
	if (file === '/config.json') return response.setHeader('content-type', 'application/json').end(JSON.stringify({ issuer, client_id }));
	if (!(file in types)) return response.writeHead(404).end();
	response.setHeader('content-type', `${types[file]}; charset=utf-8`).end(await readFile(new URL(`.${file}`, import.meta.url)));
}).listen(PORT, 'localhost', () => console.log(`http://localhost:${PORT}/`));
