# Needs Python 3.8 and nothing else. Run it with: python3 token.py
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
|basic|from base64 import b64encode

client_id = {{client}}
client_secret = os.environ["OAUTHORITY_CLIENT_SECRET"]
form = {
    "grant_type": "client_credentials",
|scope|    "scope": {{scope}},
|resource|    "resource": {{resource}},
|post|    "client_id": client_id,
|post|    "client_secret": client_secret,
}
request = urllib.request.Request({{endpoint}}, urllib.parse.urlencode(form).encode())
|basic|pair = f"{urllib.parse.quote_plus(client_id)}:{urllib.parse.quote_plus(client_secret)}"
|basic|request.add_header("Authorization", "Basic " + b64encode(pair.encode()).decode())
try:
    with urllib.request.urlopen(request, timeout=10) as answer:
        token = json.load(answer)
except urllib.error.HTTPError as refused:
    sys.exit(refused.read().decode())
# Keep it and use it again until it expires, rather than asking for one each time.
print(json.dumps(token))
