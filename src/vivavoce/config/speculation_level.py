"""The key `speculate`, which takes its levels by name, and `true` and `false`."""

from vivavoce.session.speculation import Speculation

Speculate = bool | Speculation
"""YAML 1.1 reads a bare `off` as false and `on` as true, so both have to be accepted."""


def level_of(given: Speculate) -> Speculation:
    """The level that is meant: `speak` by true, `off` by false."""
    if isinstance(given, bool):
        return "speak" if given else "off"
    return given
