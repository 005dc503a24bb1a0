"""Shapes of a load that somebody at the page can choose: written stages, ready to be edited."""

from dataclasses import dataclass

from cartwheel.load import story
from loadtest.arrivals import written


@dataclass(frozen=True)
class Shape:
    """``title`` is a word or two."""

    name: str
    title: str
    text: str


SHAPES = (
    Shape("step", "Step", "20s:20,1m:150,20s:20"),
    Shape("ramp", "Ramp", "90s:10..250,30s:250"),
    Shape("spike", "Spike", "20s:30,10s:300,1m:30"),
    Shape("wave", "Wave", "30s:20..160,30s:160..20,30s:20..160,30s:160..20"),
    Shape("story", "One-minute story", written(story.STAGES)),
)
