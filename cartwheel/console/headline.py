"""What happens, in a few words: a pure function of a frame and the one before."""

from cartwheel.mesh import Frame


def headline_of(frame: Frame, before: Frame | None) -> str:
    """The headline of a frame; ``before`` is the frame of the moment before it."""
    return ""
