#!/bin/sh
# Run by the PostgreSQL image at its first start: the registry's schemas beside the ledger, out of each other's reach.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$REGISTRY_PASSWORD" --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
CREATE ROLE registry LOGIN PASSWORD :'password';
CREATE DATABASE registry OWNER registry;
REVOKE CONNECT ON DATABASE sluice FROM PUBLIC;
SQL
