"""Accounts, passwords, sessions, signing keys and guest identities."""
