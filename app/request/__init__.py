"""What happens around a request: the stages of `middleware`, and what routes use.

The stages: `operations` (probes and metrics), `routing`, `context`, `bodies` (with `media_types`
and `strict_json`), `admission` (with `concurrency_limit`), `problems` and `responses`. Routes use
`problems`, `pagination` and `idempotency`; `documentation` renders their OpenAPI document.
"""
