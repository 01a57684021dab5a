#!/bin/sh
# Needs curl and openssl. Run it with: sh sign-in.sh
# A library of your platform does all of this for you; these are the steps it takes.
|secret|: "${OAUTHORITY_CLIENT_SECRET:?put the client secret into this environment variable first}"
encode() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# 1. A secret of this one sign-in, and its digest (PKCE, RFC 7636).
verifier=$(openssl rand 32 | encode)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | encode)
state=$(openssl rand 16 | encode)

# 2. The person opens this address, signs in, and is asked.
echo {{authorize}}"&state=$state&code_challenge=$challenge&code_challenge_method=S256"

# 3. The browser ends at the redirect URI; its address holds the code and the same state.
printf 'The address it ended at: ' >&2
read -r back
case "$back" in *state="$state"*) ;; *) echo "this is no answer to that request" >&2; exit 1 ;; esac
code=$(printf %s "$back" | sed 's/.*[?&]code=\([^&#]*\).*/\1/')

# 4. The code, with the secret of step 1, becomes tokens.
|secret-basic|printf 'user = "%s:%s"\n' {{client}} "$OAUTHORITY_CLIENT_SECRET" |
|secret-basic|  curl --silent --show-error --fail-with-body --config - {{endpoint}} \
|secret-post|printf %s "$OAUTHORITY_CLIENT_SECRET" |
|secret-post|  curl --silent --show-error --fail-with-body {{endpoint}} \
|secret-post|  --data-urlencode client_secret@- \
|secret-post|  --data-urlencode client_id={{client}} \
|public|curl --silent --show-error --fail-with-body {{endpoint}} \
|public|  --data-urlencode client_id={{client}} \
  --data grant_type=authorization_code \
  --data-urlencode redirect_uri={{redirect}} \
  --data "code=$code" \
  --data "code_verifier=$verifier"
