"""The shop on one machine: every replica a process, no cluster."""
