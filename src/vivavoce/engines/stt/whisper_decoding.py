"""Whisper on a batch of utterances, each with its own language, prompt and keywords.

faster-whisper's own batches are the pieces of one recording, with one language and one prompt.
Here its parts are put together for the turns of many sessions. Everything in this module blocks,
and runs in a thread, one batch at a time.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from vivavoce.audio.pcm import FULL_SCALE, to_samples
from vivavoce.engines.base import Hint
from vivavoce.engines.stt.noise import NoiseRules, repeats_itself

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

SAMPLE_RATE = 16_000
LONGEST_MS = 30_000
"""What Whisper's encoder takes at a time."""

_NGRAM = 5
"""Tokens: a sequence of as many comes once only, where repetitions are forbidden."""
_LEAST_LOGPROB = -1.0
"""The average that a text without repetitions needs, as in Whisper's reference implementation."""
_LEAST_TOKENS, _TOKENS_PER_SECOND = 16, 32
"""What a text may have, by the length of the audio. Fast English has 7 in a second; scripts that
few texts of the training had take two or three for each letter."""


class Utterance(msgspec.Struct, frozen=True):
    """What is to be recognised: at most 30 s of int16 PCM at 16 kHz."""

    audio: bytes
    hint: Hint


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """What the model wrote, and what it thought of it."""

    text: str
    language: str
    no_speech_probability: float
    average_logprob: float


class WhisperDecoder:
    """A loaded model. `beam_size` 1 is greedy. Raises `ValueError` for one of mixed files."""

    def __init__(self, model: "WhisperModel", *, beam_size: int, noise: NoiseRules) -> None:
        # Imported late: the package need not be installed to load this module.
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        _check_bands(model)
        self._model = model
        self._beam_size = beam_size
        self._noise = noise
        self._tokenizers: dict[str, Tokenizer] = {}
        self._new_tokenizer = Tokenizer
        self._suppressed = get_suppressed_tokens(self._tokenizer("en"), [-1])

    @property
    def languages(self) -> Sequence[str]:
        """The languages that the model knows, as ISO 639-1 codes."""
        known: list[str] = self._model.supported_languages
        if not self._model.model.is_multilingual:
            return known
        # The library names all that any Whisper knows; Cantonese is for the third large one only.
        token = self._model.hf_tokenizer.token_to_id
        return [language for language in known if token(f"<|{language}|>") is not None]

    def decode(self, utterances: Sequence[Utterance]) -> list[Decoded]:
        """Recognise all of them, in as few runs of the model as there are lengths of prompts.

        A text that repeats itself is decoded once more, with repetitions forbidden: that ends a
        loop. If it makes the words unlikely, they had been repeated by the speaker.
        """
        decoded = self._each(utterances, no_repeat_ngram_size=0)
        looped = [row for row, one in enumerate(decoded) if repeats_itself(one.text, self._noise)]
        again = self._each([utterances[row] for row in looped], no_repeat_ngram_size=_NGRAM)
        for row, one in zip(looped, again, strict=True):
            if one.average_logprob >= _LEAST_LOGPROB:
                decoded[row] = one
        return decoded

    def _each(self, utterances: Sequence[Utterance], *, no_repeat_ngram_size: int) -> list[Decoded]:
        results: dict[int, Decoded] = {}
        for rows in self._of_one_length(utterances):
            decoded = self._run([utterances[row] for row in rows], no_repeat_ngram_size)
            results.update(zip(rows, decoded, strict=True))
        return [results[row] for row in range(len(utterances))]

    def _of_one_length(self, utterances: Sequence[Utterance]) -> Iterator[list[int]]:
        """The rows by the length of their prompts: the model wants equal ones in a batch."""
        rows: dict[int, list[int]] = {}
        for row, utterance in enumerate(utterances):
            length = len(self._prompt(utterance.hint, utterance.hint.language or "en"))
            rows.setdefault(length, []).append(row)
        yield from rows.values()

    def _run(self, utterances: Sequence[Utterance], no_repeat_ngram_size: int) -> list[Decoded]:
        encoded = self._model.encode(np.stack([self._features(one.audio) for one in utterances]))
        languages = self._languages(encoded, utterances)
        prompts = [
            self._prompt(utterance.hint, language)
            for utterance, language in zip(utterances, languages, strict=True)
        ]
        results = self._model.model.generate(
            encoded,
            prompts,
            beam_size=self._beam_size,
            max_length=self._longest(utterances, len(prompts[0])),
            no_repeat_ngram_size=no_repeat_ngram_size,
            suppress_tokens=list(self._suppressed),
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [
            self._decoded(result, language)
            for result, language in zip(results, languages, strict=True)
        ]

    def _longest(self, utterances: Sequence[Utterance], prompt: int) -> int:
        """The tokens of prompt and text together; CTranslate2 gives the text half of them at most.

        A loop would otherwise go on to the end of the context, and hold up all others meanwhile.
        """
        samples = max(len(one.audio) for one in utterances) // 2
        text = _LEAST_TOKENS + _TOKENS_PER_SECOND * samples // SAMPLE_RATE
        longest: int = min(self._model.max_length, max(2 * text, prompt + text))
        return longest

    def _decoded(self, result: Any, language: str) -> Decoded:
        tokens = result.sequences_ids[0]
        # The score is the sum of the tokens' log probabilities by their number (length penalty 1);
        # the end of the text, which it covers, is not among them.
        return Decoded(
            text=self._tokenizer(language).decode(tokens),
            language=language,
            no_speech_probability=result.no_speech_prob,
            average_logprob=result.scores[0] * len(tokens) / (len(tokens) + 1) if tokens else 0.0,
        )

    def _languages(self, encoded: Any, utterances: Sequence[Utterance]) -> list[str]:
        """The given languages, and where none was given the one that is heard."""
        given = [utterance.hint.language for utterance in utterances]
        if not self._model.model.is_multilingual:
            return ["en"] * len(given)
        if None not in given:
            return [language or "" for language in given]
        heard = self._model.model.detect_language(encoded)
        return [
            language or most_likely(ranking, utterance.hint.languages)
            for language, ranking, utterance in zip(given, heard, utterances, strict=True)
        ]

    def _features(self, pcm: bytes) -> npt.NDArray[np.float32]:
        """Mel features of shape `[mels, 3000]`."""
        from faster_whisper.audio import pad_or_trim

        samples = to_samples(pcm).astype(np.float32) / FULL_SCALE
        features: npt.NDArray[np.float32] = pad_or_trim(self._model.feature_extractor(samples))
        return features

    def _prompt(self, hint: Hint, language: str) -> list[int]:
        """The tokens before the text; keywords and prompt share half of the model's context.

        Of a longer prompt the end counts, as in the reference.
        """
        tokenizer = self._tokenizer(language)
        keywords = ", ".join(hint.keywords)
        room = self._model.max_length // 2 - len(tokenizer.encode(f" {keywords}"))
        previous = tokenizer.encode(" " + hint.prompt.strip()) if hint.prompt else []
        prompt: list[int] = self._model.get_prompt(
            tokenizer,
            previous[-room:] if room > 0 else [],
            without_timestamps=True,
            hotwords=keywords or None,
        )
        return prompt

    def _tokenizer(self, language: str) -> "Tokenizer":
        """One for each language: it holds the tokens that name it."""
        if language not in self._tokenizers:
            self._tokenizers[language] = self._new_tokenizer(
                self._model.hf_tokenizer,
                self._model.model.is_multilingual,
                task="transcribe",
                language=language,
            )
        return self._tokenizers[language]


def most_likely(ranking: Sequence[tuple[str, float]], expected: Sequence[str]) -> str:
    """The first language of a ranking such as `[("<|en|>", 0.9), …]`, among the expected ones.

    Without any expected, or if none of them is ranked, the first of all.
    """
    languages = [token.strip("<|>") for token, _ in ranking]
    return next((language for language in languages if language in expected), languages[0])


def _check_bands(model: "WhisperModel") -> None:
    """Raises `ValueError` if the features would be others than the model was trained on."""
    made, wanted = len(model.feature_extractor.mel_filters), model.model.n_mels
    if made != wanted:
        raise ValueError(
            f"it takes {wanted} mel bands, and its preprocessor_config.json makes {made} (80 if "
            "there is none): that file of the original model belongs beside model.bin"
        )
