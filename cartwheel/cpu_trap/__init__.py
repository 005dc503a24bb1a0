"""The CPU trap, measured: an I/O-bound cart scaled by CPU and by requests, side by side.

The cart's store is far away and a replica works on one request at a time. Then a replica is full
while its CPU is nearly idle.
"""
