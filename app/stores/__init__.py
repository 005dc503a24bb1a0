"""The stores a service may have: connections, timeouts, errors, migrations.

`database` runs the same SQL on SQLite and Postgres, `valkey` talks to Valkey and Redis. `schema`
checks the version of the tables, `migrations` changes it. Nothing here knows what is stored.
"""
