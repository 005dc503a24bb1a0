"""What makes a replica start sooner and smaller. `app.server` does it before other imports.

The shares are those of a cart until its app is built (Python 3.11; CPU of 0.46 s, PSS of 59 MiB):

* Few garbage collections: hardly anything that imports create is garbage. CPU −8 %.
* `greenlet` seems to be missing. structlog imports it where migrations have installed it. Memory
  −2 % in an image, because it loads the library of C++.
* `rich` seems to be missing. structlog imports it for coloured tracebacks where the `cartwheel`
  command has installed it. CPU −6 %, memory −6 %.
* `pydantic.v1` seems to be missing. FastAPI imports it only to reject models of that kind.
  CPU −4 %, memory −2 %.
* uvicorn's command line with its supervisors is replaced by nothing: the package imports it, and
  a replica uses the server alone. CPU −4 %, memory −3 %.
* FastAPI's models of an OpenAPI document are completed when the first document is made.
  CPU −9 %, memory −2 %.
"""

import gc
import sys
from types import ModuleType

_GC_THRESHOLDS = (50_000, 20, 50)
"""While serving, too: rarer collections shorten the slowest requests."""
_UNUSED = ("greenlet", "pydantic.v1", "rich")


class _UvicornMain(ModuleType):
    """What `uvicorn/__init__.py` imports from there; `uvicorn.server` has the real `Server`."""

    Server = main = run = None


def prepare() -> None:
    """Called once in a process, before FastAPI and structlog are imported."""
    gc.set_threshold(*_GC_THRESHOLDS)
    for name in _UNUSED:
        # Python's own mark: importing this name raises ModuleNotFoundError.
        sys.modules[name] = None  # type: ignore[assignment]
    sys.modules["uvicorn.main"] = _UvicornMain("uvicorn.main")
    _import_fastapi()


def _import_fastapi() -> None:
    from pydantic import BaseModel

    # All models that are defined meanwhile inherit it.
    BaseModel.model_config["defer_build"] = True
    import fastapi  # noqa: F401

    del BaseModel.model_config["defer_build"]
