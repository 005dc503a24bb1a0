"""Alembic's entry point; `app.stores.migrations` does the work."""

from app.stores.migrations import run_environment

run_environment()
