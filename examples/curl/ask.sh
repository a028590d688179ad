#!/bin/sh
# Gets a whole answer with its headers, and then a streamed answer.
set -eu
: "${SLUICE_API_KEY:?is not set. examples/README.md has the command that sets it.}"
url="${SLUICE_BASE_URL:-http://127.0.0.1:8080/v1}/chat/completions"

ask() {
  curl --silent --show-error --fail-with-body "$@" "$url" \
    --header "authorization: Bearer $SLUICE_API_KEY" --header "content-type: application/json"
}

ask --include --data '{"model":"auto","messages":[{"role":"user","content":"Why is the sky blue?"}]}'
echo
ask --no-buffer --data '{"model":"economy","stream":true,"messages":[{"role":"user","content":"Say hello."}]}'
