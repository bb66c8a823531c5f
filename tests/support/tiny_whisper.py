"""A Whisper of a few thousand weights set by hand, for the real faster-whisper and CTranslate2.

It says one sentence, whatever is said to it. Its weights make it depend on what a test can vary:

- in the language `de` the sentence is `hallo welt`, else `hello world`; a language that is not
  given is heard as German;
- with `PROMPT_WORD` among its prompt or keywords, the sentence ends in `ENDING`;
- the probability that nobody spoke is high for silence and low for loud audio.

The decoder is one layer: what follows a token is read from a table (its embedding is one-hot),
self-attention adds all tokens so far in equal parts, cross-attention adds how loud it was.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs.common_spec import LayerNormSpec, LinearSpec
from ctranslate2.specs.whisper_spec import WhisperSpec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

ENGLISH = "hello world"
GERMAN = "hallo welt"
PROMPT_WORD = "please"
ENDING = "indeed"

WORDS = ("hello", "world", "hallo", "welt", PROMPT_WORD, ENDING)
SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
UNKNOWN = "<unk>"
MULTILINGUAL = ""
"""CTranslate2 tells a model of many languages by this token."""
TOKENS = (UNKNOWN, MULTILINGUAL, *(f"▁{word}" for word in WORDS), *SPECIAL)
ID = {token: number for number, token in enumerate(TOKENS)}

MELS = 80
WIDTH = 32
"""Of both encoder and decoder: at least the tokens that are used and one more."""
LOUD = WIDTH - 1
"""The dimension of the decoder that says how loud it was."""
POSITIONS = 1500
CONTEXT = 448

Weights = npt.NDArray[np.float32]


def write_tiny_whisper(folder: Path, *, loops: bool = False) -> Path:
    """Write the model into `folder`; one that `loops` says its sentence again and again."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = WhisperSpec(1, 1, 1, 1)
    fill_encoder(spec.encoder)
    fill_decoder(spec.decoder, loops)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [ID["<|en|>"], ID["<|de|>"]]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(list(TOKENS))
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def tokenizer() -> Tokenizer:
    """Whole words are tokens."""
    made = Tokenizer(models.WordLevel(ID, unk_token=UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    made.decoder = decoders.Replace("▁", " ")
    return made


def fill_encoder(encoder: Any) -> None:
    """Dimension 0 tells how much louder than a soft voice some mel bands are; 1 is for scale."""
    bands = np.arange(WIDTH - 1)
    pick = zeros(WIDTH, MELS, 3)
    pick[bands, bands * MELS // WIDTH, 1] = 8.0
    encoder.conv1.weight, encoder.conv1.bias = pick, np.full(WIDTH, -6.0, np.float32)
    join, scale = zeros(WIDTH, WIDTH, 3), zeros(WIDTH)
    join[0, :, 1], scale[1] = 1.0, 1.0
    encoder.conv2.weight, encoder.conv2.bias = join, scale
    encoder.position_encodings.encodings = zeros(POSITIONS, WIDTH)
    layer = encoder.layer[0]
    fill_linear(layer.self_attention.linear[0], zeros(3 * WIDTH, WIDTH))
    fill_linear(layer.self_attention.linear[1], zeros(WIDTH, WIDTH))
    fill_norm(layer.self_attention.layer_norm)
    fill_ffn(layer.ffn)
    fill_norm(encoder.layer_norm)


def fill_decoder(decoder: Any, loops: bool) -> None:
    """A table of what follows what, and what sways it."""
    embeddings = zeros(len(TOKENS), WIDTH)
    embeddings[np.arange(len(TOKENS)), np.arange(len(TOKENS))] = 1.0
    decoder.embeddings.weight = embeddings
    decoder.position_encodings.encodings = zeros(CONTEXT, WIDTH)
    layer = decoder.layer[0]
    average = zeros(3 * WIDTH, WIDTH)
    average[2 * WIDTH + np.arange(WIDTH), np.arange(WIDTH)] = 1.0 / np.sqrt(WIDTH)
    fill_linear(layer.self_attention.linear[0], average)
    fill_linear(layer.self_attention.linear[1], np.eye(WIDTH, dtype=np.float32))
    fill_norm(layer.self_attention.layer_norm)
    loudness = zeros(2 * WIDTH, WIDTH)
    loudness[WIDTH + LOUD, 0] = 1.0
    fill_linear(layer.attention.linear[0], zeros(WIDTH, WIDTH))
    fill_linear(layer.attention.linear[1], loudness)
    fill_linear(layer.attention.linear[2], np.eye(WIDTH, dtype=np.float32))
    fill_norm(layer.attention.layer_norm)
    fill_ffn(layer.ffn)
    fill_norm(decoder.layer_norm)
    fill_linear(decoder.projection, following(loops))


def following(loops: bool) -> Weights:
    """The logit of each token by what was written before it; shape `[tokens, WIDTH]`."""
    table = zeros(len(TOKENS), WIDTH)

    def follows(token: str, before: str, weight: float) -> None:
        table[ID[token], ID[before]] = weight

    for first, second, language in (
        ("▁hello", "▁world", "<|en|>"),
        ("▁hallo", "▁welt", "<|de|>"),
    ):
        follows(first, "<|notimestamps|>", 4.0)
        follows(first, language, 3.0)
        follows(second, first, 8.0)
        follows("<|endoftext|>", second, 8.0)
        follows(f"▁{ENDING}", second, 6.0)
        if loops:
            follows(first, second, 24.0)
    follows(f"▁{ENDING}", f"▁{PROMPT_WORD}", 40.0)
    follows("<|endoftext|>", f"▁{ENDING}", 30.0)
    follows("<|de|>", "<|startoftranscript|>", 2.0)
    follows("<|en|>", "<|startoftranscript|>", 1.0)
    follows("<|nospeech|>", "<|startoftranscript|>", 3.0)
    table[ID["<|nospeech|>"], LOUD] = -120.0
    return table


def zeros(*shape: int) -> Weights:
    return np.zeros(shape, np.float32)


def fill_linear(linear: LinearSpec, weight: Weights) -> None:
    linear.weight, linear.bias = weight, zeros(len(weight))


def fill_norm(norm: LayerNormSpec) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), zeros(WIDTH)


def fill_ffn(ffn: Any) -> None:
    fill_linear(ffn.linear_0, zeros(4, WIDTH))
    fill_linear(ffn.linear_1, zeros(WIDTH, 4))
    fill_norm(ffn.layer_norm)
