"""The streaming models that sherpa-onnx runs, as folders of files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from vivavoce.engines.base import EngineError

Family = Literal["transducer", "paraformer", "zipformer2-ctc", "nemo-ctc", "t-one-ctc"]

FACTORIES: Mapping[Family, str] = {
    "transducer": "from_transducer",
    "paraformer": "from_paraformer",
    "zipformer2-ctc": "from_zipformer2_ctc",
    "nemo-ctc": "from_nemo_ctc",
    "t-one-ctc": "from_t_one_ctc",
}
"""The maker of each in `sherpa_onnx.OnlineRecognizer`. WeNet's models are left out: they take one
stream at a time, and end the process if there are two."""

PARTS: Mapping[Family, tuple[str, ...]] = {
    "transducer": ("encoder", "decoder", "joiner"),
    "paraformer": ("encoder", "decoder"),
    "zipformer2-ctc": ("model",),
    "nemo-ctc": ("model",),
    "t-one-ctc": ("model",),
}

FLUSH_MS: Mapping[Family, int] = {
    "transducer": 660,
    "paraformer": 1000,
    "zipformer2-ctc": 660,
    "nemo-ctc": 1200,
    "t-one-ctc": 660,
}
"""Milliseconds of silence that fill a family's last chunk and what it sees ahead of that: the
examples of sherpa-onnx pad 660 ms; Paraformer's chunks of 600 ms see more, and NeMo's longest
(`fast-conformer-1040ms`) are longer."""


class SherpaModel(msgspec.Struct, frozen=True):
    """A model's family and its files, by the names of the maker's arguments."""

    family: Family
    files: dict[str, str]


def find_model(folder: Path, family: Family | None) -> SherpaModel:
    """Look at what a folder holds. Raises `EngineError` naming what it lacks.

    Of several files for one part, such as `encoder.int8.onnx` and `encoder.onnx`, the one with
    8-bit weights is taken. `family` has to be said where there is one `model.onnx`, which may be
    of several.
    """
    if not folder.is_dir():
        raise _misconfigured(f"{folder} is no folder; sherpa-onnx wants one with a model's files")
    tokens = folder / "tokens.txt"
    if not tokens.is_file():
        raise _misconfigured(f"{folder} has no tokens.txt")
    family = family or _family_of(folder)
    files = {part: str(_part(folder, part, family)) for part in PARTS[family]}
    return SherpaModel(family, {"tokens": str(tokens), **files})


def checked_family(name: str | None) -> Family | None:
    """The family with this name. Raises `EngineError` for one that is not known."""
    for family in FACTORIES:
        if name in (None, family):
            return family if name else None
    raise _misconfigured(f"family: expected one of {', '.join(FACTORIES)}, got {name!r}")


def is_upper_case(tokens: Path) -> bool:
    """Whether a model writes capitals only, as those trained on LibriSpeech do."""
    text = "".join(
        line.rpartition(" ")[0]
        for line in tokens.read_text(encoding="utf-8").splitlines()
        if not line.startswith("<")
    )
    return text.isupper()


def _family_of(folder: Path) -> Family:
    if _candidates(folder, "joiner"):
        return "transducer"
    if _candidates(folder, "encoder"):
        return "paraformer"
    raise _misconfigured(
        f"{folder} does not show which family its model is of; say it with `family`: "
        f"{', '.join(FACTORIES)}"
    )


def _part(folder: Path, part: str, family: Family) -> Path:
    found = _candidates(folder, part)
    if not found:
        raise _misconfigured(f"{folder} has no {part}*.onnx, which a {family} model has")
    return min(found, key=lambda path: (".int8." not in path.name, len(path.name), path.name))


def _candidates(folder: Path, part: str) -> list[Path]:
    return sorted(folder.glob(f"{part}*.onnx"))


def _misconfigured(message: str) -> EngineError:
    return EngineError(message, code="invalid_configuration")
