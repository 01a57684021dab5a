"""Gets a token with client credentials: authlib_client.py ISSUER CLIENT_ID CLIENT_SECRET SCOPE."""

import sys

from authlib.integrations.requests_client import OAuth2Session

issuer, client_id, client_secret, scope = sys.argv[1:]
session = OAuth2Session(client_id, client_secret, scope=scope)
token = session.fetch_token(f"{issuer}/oauth2/token", grant_type="client_credentials")
assert token["token_type"] == "Bearer", token
assert token["scope"] == scope, token
print(token["access_token"])
