#!/bin/sh
# Generates the secrets of docker-compose.yml in .sluice/compose, or in the folder that is given. It keeps every file
# that exists, so that it can run again after an update that needs another secret.
set -eu
folder=${1:-.sluice/compose}
# Containers run as other users than yours, so they could not read files of mode 0600. The folder itself is closed to
# the other users of this machine.
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
umask 022

# Writes what it reads by one rename, so that an interrupted run leaves no incomplete secret.
write() {
  cat > "$1.new"
  mv "$1.new" "$1"
}
random() {
  for name in "$@"; do
    [ -e "$name" ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' | write "$name"
  done
}
# Returns the line of Valkey's user list that stores the password in the given file as its hash.
users() {
  printf 'user default off\n'
  printf 'user health on nopass resetkeys resetchannels -@all +ping\n'
  printf 'user sluice on #%s ~* &* +@all -@admin -@dangerous +info\n' \
    "$(sha256sum < "$1" | cut -d' ' -f1)"
}

random demo-key replay-secret attribution-secret simulator-key costs-token
random postgres-password ledger-password registry-password
random state-password cache-password kafka-broker kafka-admin
random kafka-ingress kafka-cache-lookup kafka-classifier kafka-dispatcher kafka-inference-adapter kafka-cost-accountant
[ -e state-users ] || users state-password | write state-users
[ -e cache-users ] || users cache-password | write cache-users
[ -e state-url ] || echo "redis://sluice:$(cat state-password)@redis:6379/0" | write state-url
[ -e cache-url ] || echo "redis://sluice:$(cat cache-password)@cache-redis:6379/0" | write cache-url
[ -e ledger-url ] || echo "postgres://accountant:$(cat ledger-password)@postgres:5432/sluice" | write ledger-url
[ -e registry.properties ] ||
  echo "REGISTRY_DATASOURCE_PASSWORD=$(cat registry-password)" | write registry.properties
