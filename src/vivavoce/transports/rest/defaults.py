"""What a model's configuration says where a request says nothing.

The defaults of a model are those of its sessions; a request over HTTP has the same ones.
"""

from typing import Any

from vivavoce.runtime.catalogue import ModelPlan
from vivavoce.session.state import FOLLOWED

VOICE = "alloy"
"""What every synthesiser answers to."""


def language_of(plan: ModelPlan) -> str | None:
    """The language that a model's sessions are in, as a tag; a request has no turn to follow."""
    language: str | None = plan.limits.get("language")
    return None if language == FOLLOWED else language


def voice_of(plan: ModelPlan) -> str:
    """The voice that a model's sessions speak with."""
    voice = within(plan, "output").get("voice") or VOICE
    name: str = voice["id"] if isinstance(voice, dict) else voice
    return name


def within(plan: ModelPlan, side: str) -> dict[str, Any]:
    """The settings of `audio.input` or `audio.output`."""
    settings: dict[str, Any] = (plan.defaults.get("audio") or {}).get(side) or {}
    return settings
