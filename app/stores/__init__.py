"""Plumbing for the stores a service may own: connections, time limits, migrations.

``sql`` speaks to SQLite and Postgres through one set of SQL statements, ``valkey`` to
Valkey and Redis. Nothing here knows what is kept in them.
"""
