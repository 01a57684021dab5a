#!/usr/bin/env python3
"""Signs a person in from a program on his own computer, as RFC 8252 says, with nothing but the standard library.

    app.py sign-in [--no-browser]   opens the browser, waits for the answer, keeps the tokens
    app.py whoami                   gets new tokens and says who is signed in
    app.py sign-out                 takes the tokens back

ISSUER and CLIENT_ID in the environment say which server and which client.
"""

import base64
import hashlib
import http.server
import json
import os
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import webbrowser
from pathlib import Path

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
CLIENT_ID = os.environ.get("CLIENT_ID", "")
SCOPE = "openid profile email offline_access"
KEPT = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "oauthority-example/tokens.json"


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def call(url, form=None, token=None):
    """Sends a form, or asks with a token; gives the JSON of the answer."""
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as problem:
        text = problem.read().decode()
        try:
            told = json.loads(text)
            text = f"{told['error']}: {told.get('error_description', '')}"
        except (ValueError, KeyError):
            pass
        sys.exit(f"The server refuses ({problem.code}): {text}")


def server():
    found = call(f"{ISSUER}/.well-known/openid-configuration")
    if found["issuer"] != ISSUER:
        sys.exit("The document belongs to another server.")
    return found


def keep(tokens):
    """Writes the refresh token where only this person can read it; the old file stays until the new one is whole."""
    KEPT.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes files with mode 0600.
    handle, name = tempfile.mkstemp(dir=KEPT.parent)
    with os.fdopen(handle, "w") as file:
        json.dump({"client_id": CLIENT_ID, "refresh_token": tokens["refresh_token"]}, file)
    os.replace(name, KEPT)


def kept():
    try:
        found = json.loads(KEPT.read_text())
    except FileNotFoundError:
        sys.exit("Nobody is signed in: app.py sign-in")
    return found["refresh_token"]


class Callback(http.server.BaseHTTPRequestHandler):
    """Takes the request that the browser makes when it comes back."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        answer = dict(urllib.parse.parse_qsl(query))
        # Any page can send a browser to a port of this machine: only the answer to our request ends the waiting.
        if path != "/callback" or not secrets.compare_digest(answer.get("state", ""), self.server.state):
            self.send_error(404)
            return
        self.server.answer = answer
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write("Go back to the program. You can close this page.\n".encode())

    def log_message(self, *_):
        """The address holds a code: it is not written down."""


def claims(id_token, nonce):
    """Reads an ID token that comes from the token endpoint itself: the connection vouches for it (Core 3.1.3.7)."""
    part = id_token.split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if found["iss"] != ISSUER or found["aud"] != CLIENT_ID or found["exp"] < time.time():
        sys.exit("The ID token is not for this program.")
    if found["nonce"] != nonce:
        sys.exit("The ID token is not an answer to this request.")
    return found


def sign_in(no_browser):
    about = server()
    verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    # Port 0: the system gives a free one. The server lets a loopback address come with any port (RFC 8252, 7.3).
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    listener.answer, listener.state = None, state
    redirect_uri = f"http://127.0.0.1:{listener.server_port}/callback"
    request = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": state,
        "nonce": nonce,
        "code_challenge": b64(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    url = f"{about['authorization_endpoint']}?{urllib.parse.urlencode(request)}"
    if no_browser or not webbrowser.open(url):
        print(f"Open this in a browser: {url}", flush=True)
    listener.timeout, ends = 1, time.monotonic() + 300
    while listener.answer is None:
        if time.monotonic() > ends:
            sys.exit("Nobody came back within five minutes.")
        listener.handle_request()
    listener.server_close()
    answer = listener.answer

    # Another server could have sent the person here (RFC 9207).
    if answer.get("iss") != about["issuer"]:
        sys.exit("This answer comes from another server.")
    if "error" in answer:
        sys.exit(f"Not signed in: {answer['error']}: {answer.get('error_description', '')}")
    tokens = call(
        about["token_endpoint"],
        {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "code": answer["code"],
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        },
    )
    claims(tokens["id_token"], nonce)
    keep(tokens)
    print("You are signed in.")


def whoami():
    about = server()
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": kept()}
    tokens = call(about["token_endpoint"], form)
    # Every refresh token works once: the new one is kept before anything else is done.
    keep(tokens)
    for name, value in call(about["userinfo_endpoint"], token=tokens["access_token"]).items():
        print(f"{name}: {value}")


def sign_out():
    call(server()["revocation_endpoint"], {"client_id": CLIENT_ID, "token": kept()})
    KEPT.unlink()
    print("You are signed out.")


def main():
    if not CLIENT_ID:
        sys.exit("Say which client this is: CLIENT_ID=oac_…")
    match sys.argv[1:]:
        case ["sign-in"]:
            sign_in(no_browser=False)
        case ["sign-in", "--no-browser"]:
            sign_in(no_browser=True)
        case ["whoami"]:
            whoami()
        case ["sign-out"]:
            sign_out()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
