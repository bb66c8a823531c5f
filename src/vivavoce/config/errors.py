"""What is wrong with a configuration, told to the one who wrote it."""


class ConfigError(Exception):
    """The settings cannot be used; the text says which, where, and what would be right."""
