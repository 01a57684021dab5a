#!/bin/sh
# Needs curl. Run it with: sh token.sh
: "${OAUTHORITY_CLIENT_SECRET:?put the client secret into this environment variable first}"
|post|# curl reads the secret from standard input, so that no other user of this machine sees it.
|post|printf %s "$OAUTHORITY_CLIENT_SECRET" |
|post|  curl --silent --show-error --fail-with-body {{endpoint}} \
|post|  --data-urlencode client_id={{client}} \
|post|  --data-urlencode client_secret@- \
|basic|# curl reads the secret from standard input, so that no other user of this machine sees it.
|basic|printf 'user = "%s:%s"\n' {{client}} "$OAUTHORITY_CLIENT_SECRET" |
|basic|  curl --silent --show-error --fail-with-body --config - {{endpoint}} \
|resource|  --data-urlencode resource={{resource}} \
|scope|  --data-urlencode scope={{scope}} \
  --data grant_type=client_credentials
