"""Explains the autoscalers of a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

from cartwheel.errors import CommandError
from cartwheel.explain.explanation import Explanation


@dataclass(frozen=True)
class ClusterQuestion:
    """What to explain: ``target`` as kubectl names it (`hpa/cart`), or all of the namespace.

    Without a namespace or a context those of kubectl's configuration count.
    """

    target: str | None
    namespace: str | None = None
    context: str | None = None


def explain_cluster(question: ClusterQuestion) -> Sequence[Explanation]:
    """The explanations of these autoscalers. Raises `CommandError`."""
    raise CommandError(f"{question.target or 'A namespace'} cannot be explained yet.")
