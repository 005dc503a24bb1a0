"""Bugs and misreadings of real autoscalers, each reproduced by the engine without a cluster."""
