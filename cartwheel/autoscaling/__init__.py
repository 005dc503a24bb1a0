"""The autoscaler of Kubernetes as a library: HorizontalPodAutoscaler v2, and KEDA around it.

It imports nothing of the rest of this repository. One module holds one rule, with its source.
Units everywhere: quantities are integers in thousandths (`250m` is 250, `2` is 2000), utilization
is whole percent, durations are seconds, times are seconds since the epoch.

Begin with `autoscaler.HorizontalPodAutoscaler` (or `keda.KedaAutoscaler`) and
`sentences.explain`; `docs/autoscaling/engine.md` has an example.
"""
