"""What an operator can set, and how it is read."""

from vivavoce.config.errors import ConfigError
from vivavoce.config.files import Configuration, read_configuration, read_settings
from vivavoce.config.models import EngineSpec, ModelSpec, PipelineSpec
from vivavoce.config.profiles import PROFILES, Profile
from vivavoce.config.settings import SECRET, Settings

__all__ = [
    "PROFILES",
    "SECRET",
    "ConfigError",
    "Configuration",
    "EngineSpec",
    "ModelSpec",
    "PipelineSpec",
    "Profile",
    "Settings",
    "read_configuration",
    "read_settings",
]
