"""What `--strict` does not let pass: figures that are not of a server that did all it should."""

from collections.abc import Iterator

from vivavoce.bench.figures import Answering, ClientFigures, Listening, Report, Tally, Utterance


def flaws(report: Report) -> Iterator[str]:
    """What was missed, extra or unanswered, and where the client was late.

    The runs of a ramp beyond what the server holds are meant to fail; a ramp is flawed where not
    even one caller held, or the client was late.
    """
    if report.listening is not None:
        yield from of_listening(report.listening)
    if report.utterance is not None:
        yield from of_utterance(report.utterance)
    if report.answering is not None:
        yield from of_answering(report.answering)
    if report.ramp is not None:
        if not report.ramp.callers:
            yield "the ramp: no number of callers held"
        for run in report.ramp.runs:
            yield from of_client(f"the ramp, {run.callers} callers", run.client)


def of_listening(found: Listening) -> Iterator[str]:
    """Events and transcripts."""
    yield from of_events("listening", found.starts, found.stops)
    if found.transcripts is not None and found.transcripts.missed:
        yield f"listening: {found.transcripts.missed} transcripts missed"
    yield from of_client("listening", found.client)


def of_utterance(found: Utterance) -> Iterator[str]:
    """Utterances that were cut, or not heard."""
    if broken := found.callers - found.whole:
        yield f"utterance: {broken} of {found.callers} were not taken for one"
    yield from of_client("utterance", found.client)


def of_answering(found: Answering) -> Iterator[str]:
    """Events, and turns that nobody answered."""
    yield from of_events("answering", found.starts, found.stops)
    if unanswered := found.turns - found.answered:
        yield f"answering: {unanswered} of {found.turns} turns were not answered"
    yield from of_client("answering", found.client)


def of_events(where: str, starts: Tally, stops: Tally) -> Iterator[str]:
    """What was missed, and what came too often."""
    for name, tally in (("speech_started", starts), ("speech_stopped", stops)):
        if tally.missed or tally.extra:
            yield f"{where}: {name}, {tally.missed} missed, {tally.extra} extra"


def of_client(where: str, client: ClientFigures) -> Iterator[str]:
    """Whether the figures are the client's."""
    if client.late:
        yield f"{where}: the client was late"
