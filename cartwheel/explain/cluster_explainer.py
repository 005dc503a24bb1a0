"""Explains the autoscalers of a namespace, of any cluster that can be read.

Each autoscaler is computed anew from what the cluster shows at this moment, by the controller's
rules. What cannot be read is named; without the pods or the metrics, the status has to do.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision, Recommendation
from cartwheel.autoscaling.manifests import ManifestError, autoscaler_from_object
from cartwheel.autoscaling.sentence import Basis, Sentence
from cartwheel.autoscaling.spec import HorizontalPodAutoscalerSpec
from cartwheel.autoscaling.state import State
from cartwheel.explain import cluster_sentences as about
from cartwheel.explain.cluster_autoscalers import ClusterAutoscaler, find_autoscalers
from cartwheel.explain.cluster_snapshot import ClusterSnapshot
from cartwheel.explain.explanation import Explanation, Sync, explain_sync
from cartwheel.explain.scaled_object_sentences import about_scaled_object
from cartwheel.explain.status_sentences import about_status
from cartwheel.kubernetes.api import KubernetesApi
from cartwheel.kubernetes.controller_options import controller_arguments
from cartwheel.kubernetes.history import inferred_state
from cartwheel.kubernetes.namespaces import NamespaceContents, read_namespace
from cartwheel.kubernetes.pods import condition_of
from cartwheel.kubernetes.targets import ScaleTarget, read_scale_target, read_target_metrics


class ClusterExplainer:
    """Explains the autoscalers of one namespace, again and again.

    It remembers what it has computed, so from the second time on less has to be inferred.
    ``arguments`` are those of kube-controller-manager, for clusters that do not show them.
    """

    def __init__(
        self,
        api: KubernetesApi,
        namespace: str,
        *,
        source: str,
        arguments: Sequence[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._source = source
        self._arguments = arguments
        self._clock = clock
        self._recommendations: dict[str, Sequence[Recommendation]] = {}

    def explain(self, reference: str | None) -> list[Explanation]:
        """Explain `hpa/NAME`, `scaledobject/NAME`, `deployment/NAME` or, with None, all.

        Raises `CommandError`, of which `ClusterError` is one.
        """
        contents = read_namespace(self._api, self._namespace)
        return [self.explain_one(contents, one) for one in find_autoscalers(contents, reference)]

    def explain_one(
        self, contents: NamespaceContents, autoscaler: ClusterAutoscaler
    ) -> Explanation:
        """Explain an autoscaler of the namespace; one that cannot be read is explained as such."""
        try:
            found = self._explain(contents, autoscaler)
        except ManifestError as error:
            sentences = [*about.about_unreadable(autoscaler, error.problems)]
            found = Explanation(autoscaler.name, self._source, self._clock(), sentences)
        return replace(found, manifest=autoscaler.manifest)

    def _explain(self, contents: NamespaceContents, autoscaler: ClusterAutoscaler) -> Explanation:
        target = read_scale_target(self._api, self._namespace, autoscaler.target)
        if autoscaler.hpa is None:
            return self._explain_without_hpa(contents, autoscaler, target)
        # Before its metrics are asked for, of which each has to be of a known type.
        spec = autoscaler_from_object(autoscaler.hpa)
        assert isinstance(spec, HorizontalPodAutoscalerSpec)
        metrics = read_target_metrics(
            self._api, autoscaler.hpa, selector=target.selector, apis=contents.metrics_apis
        )
        arguments = self._arguments or controller_arguments(contents.controller_pods)
        snapshot = ClusterSnapshot(
            contents,
            spec,
            autoscaler.hpa,
            autoscaler.scaled_object,
            target,
            metrics,
            arguments,
            at=self._clock(),
        )
        found = self._explain_decision(snapshot)
        sentences = [
            *found.sentences,
            *about.about_last_change(snapshot.hpa, snapshot.changes, now=snapshot.at),
            *_about_surroundings(snapshot),
        ]
        return replace(found, sentences=sentences, notes=_notes(snapshot))

    def _explain_decision(self, snapshot: ClusterSnapshot) -> Explanation:
        """By computing it; if too little is visible, by the status."""
        spec, observation = snapshot.spec, snapshot.observation
        options = snapshot.options
        if observation is None:
            sentences = [*about.about_missing(snapshot.target, spec.target)]
            sentences += about_status(snapshot.hpa, spec)
            return Explanation(spec, self._source, snapshot.at, sentences)
        is_new = spec.name not in self._recommendations
        engine = HorizontalPodAutoscaler(spec, options, self._state(snapshot))
        decision = snapshot.with_fallback(engine.sync(observation))
        self._recommendations[spec.name] = engine.state.recommendations
        sync = Sync(spec, options, observation, decision, engine.state)
        found = explain_sync(sync, source=self._source)
        inferred = [*_about_inference(snapshot, decision)] if is_new else []
        return replace(found, sentences=[*found.sentences, *inferred])

    def _state(self, snapshot: ClusterSnapshot) -> State:
        """What the controller remembers: as far as the cluster shows it, and as watched here."""
        state = inferred_state(snapshot.hpa, snapshot.changes, now=snapshot.at)
        watched = self._recommendations.get(snapshot.spec.name)
        return state if watched is None else replace(state, recommendations=watched)

    def _explain_without_hpa(
        self, contents: NamespaceContents, autoscaler: ClusterAutoscaler, target: ScaleTarget
    ) -> Explanation:
        """A ScaledObject of which KEDA has made no autoscaler, or has deleted it."""
        scaled_object = autoscaler.scaled_object
        assert scaled_object is not None
        spec = autoscaler_from_object(scaled_object)
        sentences = [
            about.about_absent_autoscaler(target, spec),
            *about.about_missing(target, spec.target),
            *about_scaled_object(scaled_object),
            *about.about_workload(target.workload),
        ]
        notes = about.unseen_notes(contents.unseen, target.unseen)
        return Explanation(spec, self._source, self._clock(), sentences, notes=notes)


def _notes(snapshot: ClusterSnapshot) -> list[str]:
    notes = about.unseen_notes(
        snapshot.contents.unseen, snapshot.target.unseen, snapshot.metrics.unseen
    )
    if names := snapshot.metrics_from_status:
        notes.append(f"Taken from the status, as of the last sync: {', '.join(names)}.")
    if snapshot.arguments is None:
        options = snapshot.options
        notes.append(
            "The controller's flags are not visible. Assumed are the defaults: a sync every "
            f"{options.sync_period:g} s, a tolerance of {options.tolerance * 100:g} %, "
            f"{options.downscale_stabilization:g} s of stabilization (--controller sets others)."
        )
    return notes


def _about_inference(snapshot: ClusterSnapshot, decision: Decision) -> Iterator[Sentence]:
    """Where this computation and the controller may differ."""
    held = decision.stabilization
    if held is not None and held.held_by is not None and held.after != held.before:
        text = (
            "The controller's earlier recommendations are not visible, so the time left may be "
            "shorter; --watch finds out."
        )
        yield Sentence(text, Basis.INFERRED)
    wanted = (snapshot.hpa.get("status") or {}).get("desiredReplicas")
    active = condition_of(snapshot.hpa, "ScalingActive")
    if active is None or active["status"] != "True" or wanted == decision.desired:
        return
    text = (
        f"The controller's last sync wanted {wanted}. Either the values are newer than that sync, "
        "or the controller remembers what is not visible here."
    )
    yield Sentence(text, Basis.INFERRED)


def _about_surroundings(snapshot: ClusterSnapshot) -> Iterator[Sentence]:
    contents = snapshot.contents
    yield from about.about_workload(snapshot.target.workload)
    yield from about.about_stuck_pods(snapshot.metrics.pods or ())
    yield from about.about_other_autoscalers(
        snapshot.hpa, contents.autoscalers, contents.scaled_objects
    )
    if snapshot.scaled_object is not None:
        yield from about_scaled_object(snapshot.scaled_object)
