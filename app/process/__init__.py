"""The process of a replica, as uvicorn runs it: connections in, background tasks, readiness.

`http_protocol` speaks HTTP/1.1 within limits, on connections that `acceptor` accepts;
`http_cycle` is one request and its response.
`request_target` says what an address may be. `lifecycle` knows whether the replica drains,
`health` whether it is ready, `background` runs tasks beside the requests.
"""
