"""Deletions of an earlier deployment that have not ended, and would block the next one."""

from collections.abc import Iterator

from cartwheel.cluster.tools import kubectl, output_of

NAMESPACE = "cartwheel"
SCALED_OBJECT = ("scaledobject", "cart", "--namespace", NAMESPACE)
_DELETION_TIMESTAMP = ("--ignore-not-found", "--output", "jsonpath={.metadata.deletionTimestamp}")
_AVAILABLE = ("--ignore-not-found", "--output", "jsonpath={.status.availableReplicas}")


def pending_deletions() -> Iterator[str]:
    """Each as a message that names the object and the command that helps."""
    if _query("get", *SCALED_OBJECT, *_DELETION_TIMESTAMP) and not _keda_is_available():
        free = ("patch", *SCALED_OBJECT, "--type", "merge", "--patch")
        yield (
            "The ScaledObject cart is being deleted and waits for KEDA's operator, which does not "
            "run: free it with\n  "
            + " ".join(kubectl(*free, """'{"metadata":{"finalizers":null}}'"""))
        )
    elif _query("get", "namespace", NAMESPACE, *_DELETION_TIMESTAMP):
        wait = ("wait", "--for", "delete", f"namespace/{NAMESPACE}", "--timeout", "120s")
        yield f"The namespace {NAMESPACE} is still being deleted: wait with\n  " + " ".join(
            kubectl(*wait)
        )


def _keda_is_available() -> bool:
    operator = ("get", "deployment", "keda-operator", "--namespace", "keda")
    return _query(*operator, *_AVAILABLE) not in ("", "0")


def _query(*arguments: str) -> str:
    """The output of kubectl; empty for an object or a kind that the cluster does not have."""
    return (output_of(*kubectl(*arguments)) or "").strip()
