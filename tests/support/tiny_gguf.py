"""Builds a language model of half a megabyte whose every word is known beforehand.

It is a llama of one block that does nothing (all its matrices are zero) between embeddings that
are one-hot and an output matrix that is a table of which token follows which. So it always says
`SENTENCE`; made to call a tool, it fills every free string with `ARGUMENT`. A real server
(llama.cpp) loads it in milliseconds and streams, counts, constrains and cancels as with any other.
"""

import re
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

SENTENCE = (
    "Certainly, this answer comes from a very small model. "
    "It always says these same words, so that tests can check each of them exactly!"
)
ARGUMENT = "London"
CONTEXT = 8192

_TURN_START, _TURN_END = "<|im_start|>", "<|im_end|>"
_CALL_START, _CALL_END = "<tool_call>", "</tool_call>"
_MERGED = "th"  # llama.cpp wants at least one merge
_LIKELY, _SECOND, _THIRD = 1.5, 1.0, 0.7

# ChatML with tool calls as Hermes and Qwen write them, a form that llama.cpp knows.
_CHAT_TEMPLATE = """\
{%- if messages[0].role == 'system' %}
    {%- set instructions = messages[0].content %}
{%- else %}
    {%- set instructions = 'Be brief.' %}
{%- endif %}
{{- '<|im_start|>system\\n' + instructions }}
{%- if tools %}
    {{- '\\n\\n# Tools\\n\\nFunction signatures:\\n<tools>' }}
    {%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{%- endfor %}
    {{- '\\n</tools>\\n\\nTo call a function, write a JSON object in XML tags:\\n<tool_call>\\n' }}
    {{- '{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call>' }}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- for message in messages %}
    {%- if message.role == 'user' %}
        {{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == 'system' and not loop.first %}
        {{- '<|im_start|>system\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant\\n' }}
        {%- if message.content %}{{- message.content }}{%- endif %}
        {%- for tool_call in message.tool_calls or [] %}
            {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' + tool_call.name + '", "arguments": ' }}
            {{- (tool_call.arguments | tojson) + '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content }}
        {{- '\\n</tool_response><|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""


def build_tiny_model(path: Path) -> None:
    """Write the model to `path`."""
    tokens, kinds = _vocabulary()
    writer = gguf.GGUFWriter(str(path), "llama")
    _add_settings(writer, width=len(tokens))
    _add_tokenizer(writer, tokens, kinds)
    _add_weights(writer, tokens)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _byte_letters() -> list[str]:
    """The letters by which byte-level BPE, since GPT-2, writes the 256 bytes."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _spelled(text: str) -> str:
    letters = _byte_letters()
    return "".join(letters[byte] for byte in text.encode())


def _sentence_tokens() -> list[str]:
    """`SENTENCE` cut so that no token occurs twice: each says by itself which one follows."""
    pieces = [_spelled(piece) for piece in re.findall(r" ?\w+[.,!]?", SENTENCE)]
    assert len(set(pieces)) == len(pieces)
    return pieces


def _vocabulary() -> tuple[list[str], list[gguf.TokenType]]:
    text = [*_byte_letters(), *_sentence_tokens(), _spelled(ARGUMENT), _MERGED]
    control = ["<|endoftext|>", _TURN_START, _TURN_END]
    tags = [_CALL_START, _CALL_END]
    count = len(text) + len(control) + len(tags)
    unused = [f"<unused{n}>" for n in range(-count % 32)]
    kinds = (
        [gguf.TokenType.NORMAL] * len(text)
        + [gguf.TokenType.CONTROL] * len(control)
        + [gguf.TokenType.USER_DEFINED] * len(tags)
        + [gguf.TokenType.UNUSED] * len(unused)
    )
    return text + control + tags + unused, kinds


def _add_settings(writer: gguf.GGUFWriter, *, width: int) -> None:
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_rope_dimension_count(width // 4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(width)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _add_tokenizer(writer: gguf.GGUFWriter, tokens: list[str], kinds: list[gguf.TokenType]) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(_MERGED)])
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index(_TURN_END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(_CHAT_TEMPLATE)


def _add_weights(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    width = len(tokens)
    writer.add_tensor("token_embd.weight", np.eye(width, dtype=np.float32))
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    writer.add_tensor("output.weight", _successors(tokens))
    shapes = {
        **{f"attn_{part}": (width, width) for part in ("q", "k", "v", "output")},
        "ffn_gate": (32, width),
        "ffn_up": (32, width),
        "ffn_down": (width, 32),
    }
    for part in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{part}.weight", np.ones(width, np.float32))
    for part, shape in shapes.items():
        writer.add_tensor(f"blk.0.{part}.weight", np.zeros(shape, np.float32))


def _successors(tokens: list[str]) -> npt.NDArray[np.float32]:
    """The output matrix: `[next, last]` is how much `last` makes `next` likely."""
    newline, quote, brace = _spelled("\n"), _spelled('"'), _spelled("}")
    sentence = [newline, *_sentence_tokens(), _TURN_END]
    likely = dict.fromkeys(pairwise(sentence), _LIKELY)
    # A grammar that demands a call bars the end of the turn, the names of keys and so on: the
    # likeliest token that it allows comes next.
    likely |= {
        (sentence[-2], _CALL_START): _SECOND,
        (_CALL_START, newline): _LIKELY,
        (quote, _spelled(ARGUMENT)): _LIKELY,
        (_spelled(ARGUMENT), quote): _LIKELY,
        (quote, brace): _SECOND,
        (brace, brace): _LIKELY,
        (brace, newline): _SECOND,
        (brace, _CALL_END): _THIRD,
        (newline, _CALL_END): _SECOND,
        (_CALL_END, _TURN_END): _LIKELY,
    }
    numbers = {token: number for number, token in enumerate(tokens)}
    table = np.zeros((len(tokens), len(tokens)), np.float32)
    for (last, following), weight in likely.items():
        table[numbers[following], numbers[last]] = weight
    return table
