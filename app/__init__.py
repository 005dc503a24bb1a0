"""The library of all services. It contains nothing about the shop.

`server` starts a replica and `factory` builds its app, from the packages below:

- `request`: what happens around a request.
- `identity`: who is calling.
- `client`: how an upstream is called.
- `stores`: databases and Valkey.
- `process`: connections, background tasks, readiness, draining.
- `telemetry`: metrics, logs, the request context.
"""
