"""Signs up the first administrator of a fresh server as a person would, rotates the secret of the admin client in the
console, and prints an access token for the management API.

Usage: admin_token.py ISSUER SETUP_LINK
"""

import base64
import html
import http.cookiejar
import json
import re
import secrets
import sys
import urllib.parse
import urllib.request

issuer, link = sys.argv[1:3]
jar = http.cookiejar.CookieJar()
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))


def submit(url, **fields):
    """Opens a page and sends its last form: hidden and checked inputs as they are, `fields` filled in."""
    page = browser.open(url).read().decode()
    inputs = re.findall(r"<input[^>]*>", page)
    form = {}
    for tag in inputs:
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        kind = attributes.get("type")
        if "name" in attributes and (kind == "hidden" or (kind == "radio" and " checked" in tag)):
            form[attributes["name"]] = html.unescape(attributes.get("value", ""))
    form.update(fields)
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), {"Origin": issuer})
    return browser.open(request).read().decode()


password = secrets.token_urlsafe(24)
submit(link, username="admin", password=password)
rotate = f"{issuer}/orgs/main/clients/oa_admin_client/rotate"
if "/login" in browser.open(rotate).geturl():
    submit(f"{issuer}/login", username="admin", password=password)
page = submit(rotate)
secret = re.search(r"oas_[0-9A-Za-z]{49}", page)
if not secret:
    sys.exit("the console showed no secret")
basic = base64.b64encode(f"oa_admin_client:{secret[0]}".encode()).decode()
body = urllib.parse.urlencode({"grant_type": "client_credentials", "resource": "urn:oauthority:api"}).encode()
request = urllib.request.Request(f"{issuer}/oauth2/token", body, {"Authorization": f"Basic {basic}"})
print(json.load(urllib.request.urlopen(request))["access_token"])
