"""The same scenarios for Locust: `locust -f loadtest/locustfile.py -H http://127.0.0.1:8080`.

All user classes run, unless some are named: `locust -f … Adder`.
"""

from random import Random
from typing import Any

from locust import FastHttpUser, between, task

from loadtest.messages import Response
from loadtest.scenarios import SCENARIOS


class _Shopper(FastHttpUser):
    abstract = True
    wait_time = between(0.5, 1.5)
    scenario: str

    def on_start(self) -> None:
        self._steps = SCENARIOS[self.scenario]().start(Random())
        self._next = next(self._steps)

    @task
    def step(self) -> None:
        request = self._next
        response: Any = self.client.request(
            request.method,
            request.path,
            json=request.json,
            headers=dict(request.headers),
            name=request.name,
        )
        self._next = self._steps.send(Response(response.status_code, response.content or b""))


class Browser(_Shopper):
    scenario = "browse"
    weight = 6


class Adder(_Shopper):
    scenario = "cart-add"
    weight = 3


class Buyer(_Shopper):
    scenario = "checkout"
    weight = 1
