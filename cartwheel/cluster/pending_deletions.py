"""What an earlier deployment left that would keep the next one waiting without a word."""

from collections.abc import Iterator

from cartwheel.cluster.tools import answer, kubectl

NAMESPACE = "cartwheel"
SCALED_OBJECT = ("scaledobject", "cart", "--namespace", NAMESPACE)
_DELETED = ("--ignore-not-found", "--output", "jsonpath={.metadata.deletionTimestamp}")
_AVAILABLE = ("--ignore-not-found", "--output", "jsonpath={.status.availableReplicas}")


def leftovers() -> Iterator[str]:
    """Each in a sentence that says what hangs and how to free it."""
    if _says("get", *SCALED_OBJECT, *_DELETED) and not _keda_runs():
        free = ("patch", *SCALED_OBJECT, "--type", "merge", "--patch")
        yield (
            "The ScaledObject cart is being deleted and waits for KEDA's operator, which does not "
            "run: free it with\n  "
            + " ".join(kubectl(*free, """'{"metadata":{"finalizers":null}}'"""))
        )
    elif _says("get", "namespace", NAMESPACE, *_DELETED):
        gone = ("wait", "--for", "delete", f"namespace/{NAMESPACE}", "--timeout", "120s")
        yield f"The namespace {NAMESPACE} is still being deleted: wait with\n  " + " ".join(
            kubectl(*gone)
        )


def _keda_runs() -> bool:
    operator = ("get", "deployment", "keda-operator", "--namespace", "keda")
    return _says(*operator, *_AVAILABLE) not in ("", "0")


def _says(*question: str) -> str:
    """Nothing for what is not there, or not known to this cluster."""
    return (answer(*kubectl(*question)) or "").strip()
