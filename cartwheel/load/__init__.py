"""`cartwheel load`: puts load on the shop, shows what happens, and reports it.

`engine` runs the generator of `loadtest` in a process of its own, and `local_run` follows the
recording of the local run; `runner` runs both, and `checked_load` checks what the load has done.
What they say is a `session`, which `view` and `report` show and `expectations` judge.
"""
