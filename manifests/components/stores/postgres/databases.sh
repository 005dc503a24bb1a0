#!/bin/sh
# Runs once, on an empty volume: creates a database and an owner for each service. No service
# can connect to the database of another.
set -eu
for service in products user tracking; do
  password=$(cat "/etc/postgres-passwords/$service")
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" <<SQL
CREATE ROLE "$service" LOGIN PASSWORD '$password';
CREATE DATABASE "$service" OWNER "$service";
REVOKE CONNECT ON DATABASE "$service" FROM PUBLIC;
SQL
done
