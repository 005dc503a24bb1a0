"""The fault matrix: its rows, its slower tests, and the page that says what they showed last.

`make test-faults` runs every test with the marker `fault`, here and in the other folders, writes
what it saw to results.json and renders docs/faults.md from it.
"""
