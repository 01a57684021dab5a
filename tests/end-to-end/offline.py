"""Verifies an access token without asking about it: offline.py ISSUER AUDIENCE SCOPE TOKEN. Prints its subject.

It does what docs/tokens.md tells a service to do (RFC 9068, section 4).
"""

import sys

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

issuer, audience, scope, token = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
assert metadata["issuer"] == issuer, metadata
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
decoded = jwt.decode(token, keys, algorithms=["ES256"])
assert decoded.header["typ"] == "at+jwt", decoded.header
required = {"essential": True}
rules = jwt.JWTClaimsRegistry(
    iss={**required, "value": issuer}, aud={**required, "value": audience}, exp=required, client_id=required
)
rules.validate(decoded.claims)
assert scope in decoded.claims["scope"].split(), decoded.claims
print(decoded.claims["sub"])
