from app.stores.migrations import run_environment

run_environment()
