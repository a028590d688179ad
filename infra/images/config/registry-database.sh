#!/bin/sh
# The PostgreSQL image runs this at its first start. It creates a database for the registry's schemas next to
# the ledger's. The registry's account cannot connect to the ledger's database.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$REGISTRY_PASSWORD" --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
CREATE ROLE registry LOGIN PASSWORD :'password';
CREATE DATABASE registry OWNER registry;
REVOKE CONNECT ON DATABASE sluice FROM PUBLIC;
SQL
