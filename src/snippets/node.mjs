// Needs Node.js 18 and nothing else. Run it with: node token.mjs
const clientId = {{client}};
const clientSecret = process.env.OAUTHORITY_CLIENT_SECRET;
if (!clientSecret) throw new Error('put the client secret into OAUTHORITY_CLIENT_SECRET first');
const form = new URLSearchParams({
	grant_type: 'client_credentials',
|scope|	scope: {{scope}},
|resource|	resource: {{resource}},
|post|	client_id: clientId,
|post|	client_secret: clientSecret,
});
|basic|const pair = [clientId, clientSecret].map(encodeURIComponent).join(':');
const answer = await fetch({{endpoint}}, {
	method: 'POST',
|basic|	headers: { Authorization: `Basic ${btoa(pair)}` },
	body: form,
	signal: AbortSignal.timeout(10000),
});
const token = await answer.json();
if (!answer.ok) {
	console.error(JSON.stringify(token));
	process.exit(1);
}
// Keep it and use it again until it expires, rather than asking for one each time.
console.log(JSON.stringify(token));
