"""`vivavoce models`, `vivavoce engines` and `vivavoce config check`: what there is, in words."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from vivavoce.commands.pull import missing
from vivavoce.config import Settings
from vivavoce.config.names import aliases_of
from vivavoce.config.resolution import TITLES, Choice, resolve
from vivavoce.engines.about import About, Commercial, about
from vivavoce.engines.base import EngineError
from vivavoce.engines.onnx_packages import clash
from vivavoce.engines.registry import ALL_SLOTS, Slot, engine_class, engines

MARKS: dict[Commercial, str] = {
    "yes": "",
    "some not": "  [some non-commercial]",
    "no": "  [non-commercial]",
}


def models(settings: Settings) -> Iterator[str]:
    """The models of the files, their other names and their engines."""
    others = aliases_of(settings)
    for model in settings.models:
        names = [alias for alias, name in others.items() if name == model.name]
        also = f" ({', '.join(names)})" if names else ""
        default = ", and every other name" if settings.default_model == model.name else ""
        yield click.style(f"{model.name}{also}{default}", bold=True)
        if model.description:
            yield f"  {model.description}"
        engines_of_model = resolve(model, settings).engines
        for slot, choice in engines_of_model.items():
            yield f"  {TITLES[slot]:<15} {choice}"
        to_pull = [file.filename for file in missing([model])]
        for name in to_pull:
            yield click.style(f"  not here: {name} (vivavoce models pull)", fg="yellow")
        for name in absent_files(engines_of_model.values()):
            if name not in to_pull:
                yield click.style(f"  not here: {name}", fg="yellow")
    if not settings.models:
        yield "No models are configured: every name means the engines of `vivavoce serve`."
        yield "A file for --config describes them (vivavoce config --help), or --profile local."


def absent_files(choices: Iterable[Choice]) -> list[str]:
    """The whole paths among what engines were told at which there is nothing.

    A path may leave out the end of a file's name, as those of voices do.
    """
    told = [value for choice in choices for value in (choice.argument, *choice.options.values())]
    paths = [Path(value) for value in told if isinstance(value, str)]
    return list(dict.fromkeys(str(path) for path in paths if path.is_absolute() and gone(path)))


def gone(path: Path) -> bool:
    """Whether no file begins like this."""
    folder = path.parent
    return not folder.is_dir() or not any(
        each.name.startswith(path.name) for each in folder.iterdir()
    )


def installed() -> Iterator[str]:
    """The engines of each slot: whether they can run, and under which licences."""
    for slot in ALL_SLOTS:
        yield click.style(f"{slot} ({TITLES[slot]})", bold=True)
        for name in sorted(engines(slot)):
            yield from engine(slot, name)
    if (warning := clash()) is not None:
        yield click.style(warning, fg="yellow")


def engine(slot: Slot, name: str) -> Iterator[str]:
    """One engine, in two or three lines."""
    try:
        kind = engine_class(slot, name)
    except EngineError as error:
        kind, failure = None, str(error)
    known = about(slot, name, kind)
    if known is None:
        state = failure if kind is None else "installed; says nothing of itself"
        yield f"  {name:<15} {state}"
        return
    yield f"  {name:<15} {known.what}"
    yield f"  {'':<15} {state_of(known)}"
    mark = click.style(MARKS[known.commercial], fg="yellow")
    yield f"  {'':<15} code: {known.licence}; weights: {known.weights}{mark}"


def state_of(known: About) -> str:
    """Whether an engine can run, or what to install for it."""
    if not known.missing:
        return click.style("ready", fg="green")
    lacking = ", ".join(known.missing)
    how = f"pip install 'vivavoce[{known.extra}]'" if known.extra else f"pip install {lacking}"
    return click.style(f"lacks {lacking}: {how}", fg="yellow")
