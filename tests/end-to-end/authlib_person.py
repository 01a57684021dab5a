"""Signs a person in with authlib: authlib_person.py sync|async ISSUER CLIENT_ID CLIENT_SECRET REDIRECT_URI SCOPE.

Prints the address to send the person to, reads the one that he comes back with, and prints who he is.
"""

import asyncio
import inspect
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

kind, issuer, client_id, client_secret, redirect_uri, scope = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
assert metadata["issuer"] == issuer, metadata
Client = {"sync": OAuth2Session, "async": AsyncOAuth2Client}[kind]


async def result(value):
    return await value if inspect.isawaitable(value) else value


def verified(id_token, nonce, access_token):
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    decoded = jwt.decode(id_token, keys, algorithms=["RS256"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
            "nonce": {"essential": True, "value": nonce},
        },
        {"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    claims.validate()
    return claims


async def main():
    client = Client(
        client_id,
        client_secret,
        scope=scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        token_endpoint=metadata["token_endpoint"],
    )
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    print(url, flush=True)
    back = sys.stdin.readline().strip()
    token = await result(
        client.fetch_token(
            metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier
        )
    )
    claims = verified(token["id_token"], nonce, token["access_token"])

    # The token is for the API; with the refresh token there comes one for UserInfo.
    fresh = await result(
        client.refresh_token(
            metadata["token_endpoint"], refresh_token=token["refresh_token"], scope="openid profile"
        )
    )
    assert fresh["access_token"] != token["access_token"]
    told = await result(client.get(metadata["userinfo_endpoint"]))
    assert told.status_code == 200, told.text
    assert told.json()["sub"] == claims["sub"], told.text

    gone = await result(client.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"]))
    assert gone.status_code == 200, gone.text
    dead = await result(client.get(metadata["userinfo_endpoint"]))
    assert dead.status_code == 401, dead.text
    print(told.json()["preferred_username"])


asyncio.run(main())
