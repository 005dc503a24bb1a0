"""The Grafana dashboards as code. `python -m monitoring.dashboards` writes them as JSON."""
