"""Each runs in a process of its own, because this changes what a process can import."""

import subprocess
import sys

import pytest

PRINT_DOCUMENT = """
import json
from fastapi import FastAPI
from fastapi.security import HTTPBearer
from fastapi import Depends
from pydantic import BaseModel

class Thing(BaseModel):
    name: str
    parts: list["Thing"] = []

app = FastAPI()

@app.post("/things/{number}", dependencies=[Depends(HTTPBearer())])
async def add(number: int, thing: Thing) -> Thing: ...

print(json.dumps(app.openapi()))
"""
PREPARE = "from app.process.lean_start import prepare; prepare()\n"


def output_of(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout


def test_the_openapi_document_is_the_same_without_models_completed_at_start() -> None:
    assert output_of(PREPARE + PRINT_DOCUMENT) == output_of(PRINT_DOCUMENT)


def test_models_of_our_own_are_complete_when_they_are_defined() -> None:
    program = "from app.models import RequestModel; print(RequestModel.__pydantic_complete__)"
    assert output_of(PREPARE + program) == "True\n"


@pytest.mark.parametrize("library", ["greenlet", "pydantic.v1", "rich"])
def test_a_library_that_no_service_uses_cannot_be_imported(library: str) -> None:
    program = f"""
try:
    import {library}
except ModuleNotFoundError:
    print("missing")
"""
    assert output_of(PREPARE + program) == "missing\n"
