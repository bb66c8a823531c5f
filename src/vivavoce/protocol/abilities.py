"""What a model can do beyond what every one can: it decides which settings a client may send."""

import msgspec


class HearingAbilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a model has beyond telling speech from silence, and writing down, in a given language,
    what was said. The first four are the recogniser's, the last two the language model's."""

    streams: bool = False
    """It hears a turn while it is spoken, and its deltas come before the commit."""
    languages: bool = False
    """It takes the languages that may be spoken (protocol 2.3, `languages`)."""
    keywords: bool = False
    """It takes words that are likely to be said (protocol 2.3, `keywords`)."""
    logprobs: bool = False
    """It gives the log probabilities of what it writes (protocol 2.1, `include`)."""
    judges_turns: bool = False
    """It hears in a pause whether what was said is complete (protocol 2.4, `semantic_vad`)."""
    reduces_noise: bool = False
    """It takes noise out of what it hears (protocol 2.1, `noise_reduction`)."""
    hears: bool = False
    """The language model is given the user's speech itself, not what a recogniser made of it."""
    speaks: bool = False
    """The language model answers in speech of its own, without a synthesiser."""
