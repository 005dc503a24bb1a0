"""The same scenarios for Locust: `locust -f loadtest/locustfile.py -H http://127.0.0.1:8080`.

Everybody shops unless kinds are named: `locust -f … Adder`.
"""

from random import Random
from typing import Any

from locust import FastHttpUser, between, task

from loadtest.scenarios import SCENARIOS, Reply


class _Shopper(FastHttpUser):
    abstract = True
    wait_time = between(0.5, 1.5)
    scenario: str

    def on_start(self) -> None:
        self._steps = SCENARIOS[self.scenario](Random())
        self._next = next(self._steps)

    @task
    def step(self) -> None:
        wanted = self._next
        answer: Any = self.client.request(
            wanted.method,
            wanted.path,
            json=wanted.json,
            headers=dict(wanted.headers),
            name=wanted.name,
        )
        is_json = (answer.headers or {}).get("content-type", "").startswith("application/json")
        self._next = self._steps.send(Reply(answer.status_code, answer.json() if is_json else None))


class Browser(_Shopper):
    scenario = "browse"
    weight = 6


class Adder(_Shopper):
    scenario = "cart-add"
    weight = 3


class Buyer(_Shopper):
    scenario = "checkout"
    weight = 1
