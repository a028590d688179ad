#!/bin/sh
# The PostgreSQL image runs this at its first start. It creates a database for the ledger and one for the registry's
# schemas. Each has an owner of its own, which is not a superuser and cannot connect to the other database.
set -eu
secrets=${SLUICE_SECRETS:-/run/secrets}
# Variables with passwords are exported for psql alone, because arguments can be read by every user of the machine.
accountant=$(cat "$secrets/ledger-password") registry=$(cat "$secrets/registry-password")
export accountant registry
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv accountant accountant
\getenv registry registry
CREATE ROLE accountant LOGIN PASSWORD :'accountant';
CREATE ROLE registry LOGIN PASSWORD :'registry';
CREATE DATABASE sluice OWNER accountant;
CREATE DATABASE registry OWNER registry;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
REVOKE CONNECT ON DATABASE sluice FROM PUBLIC;
REVOKE CONNECT ON DATABASE registry FROM PUBLIC;
SQL
