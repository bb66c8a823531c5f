"""Outputs of a session as short lines, so that a test reads like the walk it comes from.

Ids made by the server become names in order of appearance (`item1`, `resp1`, `call1`); ids that
a client chose stay as they are. Jobs are named for what they do (`hear1`, `generate2`).
Positions in the input are shown in whole milliseconds.
"""

import re

from msgspec import UNSET

from vivavoce.protocol import mcp_events
from vivavoce.protocol import server_events as ev
from vivavoce.protocol.errors import ErrorDetail
from vivavoce.protocol.items import Item
from vivavoce.session import outputs as out

SAMPLES_PER_MS = 24
BYTES_PER_MS = 48
SERVER_ID = re.compile(r"(item|resp|call|conv|sess)_[0-9A-Za-z]{16,21}\Z")


class Names:
    """Readable names for ids and jobs."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._jobs: dict[int, str] = {}
        self._counts: dict[str, int] = {}

    def __call__(self, an_id: str | None) -> str:
        """The name of an id; `-` for none."""
        if an_id is None:
            return "-"
        made = SERVER_ID.match(an_id)
        if made is None:
            return an_id
        if an_id not in self._names:
            self._names[an_id] = self._next(made.group(1))
        return self._names[an_id]

    def id_of(self, name: str) -> str:
        """The id behind a name; a name that stands for no id is one that a client chose."""
        return next((an_id for an_id, given in self._names.items() if given == name), name)

    def new_job(self, job: int, kind: str) -> str:
        """Names a job that begins."""
        assert job not in self._jobs, f"job {job} was given out twice"
        self._jobs[job] = self._next(kind)
        return self._jobs[job]

    def job(self, job: int) -> str:
        """The name of a job that began."""
        return self._jobs[job]

    def job_id(self, name: str) -> int:
        """The id of a job by its name."""
        return next(job for job, given in self._jobs.items() if given == name)

    def latest(self, kind: str) -> str:
        """The name of the newest job of a kind."""
        return f"{kind}{self._counts[kind]}"

    def _next(self, kind: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}{self._counts[kind]}"


def render(output: out.AnyOutput, names: Names) -> str:
    """One output as one line."""
    match output:
        case out.Send(event) | out.SendAudio(event) | out.SendRetrieved(event):
            return render_event(event, names)
        case out.TakeFormat(audio_format):
            return f"TakeFormat {audio_format.__struct_config__.tag}"
        case out.Listen(job=job, start=start) | out.Follow(job=job, start=start):
            kind = type(output).__name__
            return f"{kind} {names.new_job(job, kind.lower())} {ms(start)}.."
        case out.Hear(job=job, start=start, end=end):
            return f"Hear {names.new_job(job, 'hear')} {ms(start)}..{ms(end)}"
        case out.HearClip(job=job, audio=audio):
            return f"HearClip {names.new_job(job, 'hear')} {len(audio)} bytes"
        case out.JudgeTurn(job, start, end):
            return f"JudgeTurn {names.new_job(job, 'judge')} {ms(start)}..{ms(end)}"
        case out.ReduceNoise(kind):
            return f"ReduceNoise {kind or '-'}"
        case out.Generate(job):
            return f"Generate {names.new_job(job, 'generate')}"
        case out.Speak(job=job, text=text):
            return f"Speak {names.new_job(job, 'speak')} {text!r}"
        case out.Cancel(job):
            return f"Cancel {names.job(job)}"
        case out.KeepAudio() | out.KeepClip() | out.DropAudio() | out.TrimAudio():
            return render_keeping(output, names)
        case out.Disconnect(code, reason):
            return f"Disconnect {code} {reason}"
        case out.Interrupted() | out.Measured() | out.Speculated() | out.EndAudio():
            return type(output).__name__
        case out.ListTools() | out.CallTool():
            return render_tool_job(output, names)


def render_keeping(
    output: out.KeepAudio | out.KeepClip | out.DropAudio | out.TrimAudio, names: Names
) -> str:
    """What becomes of the user's audio."""
    match output:
        case out.KeepAudio(item_id, start, end):
            return f"KeepAudio {names(item_id)} {ms(start)}..{ms(end)}"
        case out.KeepClip(item_id, audio):
            return f"KeepClip {names(item_id)} {len(audio)} bytes"
        case out.DropAudio(item_id):
            return f"DropAudio {names(item_id)}"
        case out.TrimAudio(before):
            return f"TrimAudio ..{ms(before)}"


def render_tool_job(output: out.ListTools | out.CallTool, names: Names) -> str:
    """A job for an MCP server."""
    label = output.server.label
    if isinstance(output, out.ListTools):
        return f"ListTools {names.new_job(output.job, 'list')} {label}"
    called = f"{label}.{output.name}({output.arguments})"
    return f"CallTool {names.new_job(output.job, 'tool')} {called}"


def render_event(event: ev.ServerEvent, names: Names) -> str:
    """A server event by the end of its wire name, with what tells it from others."""
    match event:
        case ev.Error(error=error):
            return render_error(error)
        case ev.SpeechStarted(item_id=item_id, audio_start_ms=at):
            return f"speech_started {names(item_id)} {at}"
        case ev.SpeechStopped(item_id=item_id, audio_end_ms=at):
            return f"speech_stopped {names(item_id)} {at}"
        case ev.InputAudioBufferCommitted(item_id=item_id, previous_item_id=previous):
            return f"committed {names(item_id)} after {names(previous)}"
        case ev.ConversationItemAdded(item=item, previous_item_id=previous):
            return f"item.added {names(item.id)} after {names(previous)}"
        case ev.ConversationItemDone(item=item):
            return f"item.done {names(item.id)}{unless_completed(item)}"
        case ev.ConversationItemRetrieved(item=item):
            return f"retrieved {names(item.id)}"
        case ev.ConversationItemDeleted(item_id=item_id):
            return f"deleted {names(item_id)}"
        case ev.ConversationItemTruncated(item_id=item_id, audio_end_ms=at):
            return f"truncated {names(item_id)} {at}"
        case ev.TranscriptionDelta(item_id=item_id, delta=text):
            return f"transcription.delta {names(item_id)} {text!r}"
        case ev.TranscriptionCompleted(item_id=item_id, transcript=text):
            return f"transcription.completed {names(item_id)} {text!r}"
        case ev.TranscriptionFailed(item_id=item_id, error=failure):
            return f"transcription.failed {names(item_id)} {failure.code}"
        case ev.ResponseCreated(response=response):
            return f"response.created {names(response.id)}"
        case ev.ResponseDone(response=response):
            return f"response.done {names(response.id)} {outcome(response)}"
        case _:
            return render_output_event(event, names)


def render_output_event(event: ev.ServerEvent, names: Names) -> str:
    """An event about what a response puts out, or one without content."""
    match event:
        case ev.TimeoutTriggered(item_id=item_id, audio_start_ms=begin, audio_end_ms=end):
            return f"timeout_triggered {names(item_id)} {begin}..{end}"
        case ev.OutputItemAdded(item=item):
            return f"output_item.added {names(item.id)}"
        case ev.OutputItemDone(item=item):
            return f"output_item.done {names(item.id)}{unless_completed(item)}"
        case ev.ContentPartAdded(item_id=item_id):
            return f"part.added {names(item_id)}"
        case ev.ContentPartDone(item_id=item_id):
            return f"part.done {names(item_id)}"
        case ev.OutputTextDelta(item_id=item_id, delta=text):
            return f"text.delta {names(item_id)} {text!r}"
        case ev.OutputTextDone(item_id=item_id, text=text):
            return f"text.done {names(item_id)} {text!r}"
        case ev.OutputAudioDelta(item_id=item_id, delta=audio):
            return f"audio.delta {names(item_id)} {len(audio) // BYTES_PER_MS}ms"
        case ev.OutputAudioDone(item_id=item_id):
            return f"audio.done {names(item_id)}"
        case ev.OutputAudioTranscriptDelta(item_id=item_id, delta=text):
            return f"transcript.delta {names(item_id)} {text!r}"
        case ev.OutputAudioTranscriptDone(item_id=item_id, transcript=text):
            return f"transcript.done {names(item_id)} {text!r}"
        case ev.FunctionCallArgumentsDelta(item_id=item_id, delta=text):
            return f"arguments.delta {names(item_id)} {text}"
        case ev.FunctionCallArgumentsDone(item_id=item_id, name=name, arguments=arguments):
            return f"arguments.done {names(item_id)} {name}({arguments})"
        case _:
            return render_mcp_event(event, names)


def render_mcp_event(event: ev.ServerEvent, names: Names) -> str:
    """An event about MCP servers, or one without content."""
    match event:
        case mcp_events.McpCallArgumentsDelta(item_id=item_id, delta=text):
            return f"mcp_arguments.delta {names(item_id)} {text}"
        case mcp_events.McpCallArgumentsDone(item_id=item_id, arguments=arguments):
            return f"mcp_arguments.done {names(item_id)} {arguments}"
        case mcp_events.McpListToolsEvent() | mcp_events.McpCallEvent():
            return f"{wire_name(event).removeprefix('response.')} {names(event.item_id)}"
        case _:
            return wire_name(event).removeprefix("input_audio_buffer.")


def wire_name(event: ev.BaseServerEvent) -> str:
    """The `type` of an event."""
    return str(event.__struct_config__.tag)


def render_error(error: ErrorDetail) -> str:
    """The code, and the path where there is one."""
    return " ".join(filter(None, ("error", error.code, error.param)))


def unless_completed(item: Item) -> str:
    """The status, where it is not the usual one."""
    status = getattr(item, "status", UNSET)  # items of MCP have none
    return "" if status in ("completed", UNSET) else f" {status}"


def outcome(response: ev.ResponseObject) -> str:
    """The final status and why."""
    details = response.status_details
    if details is None:
        return response.status
    if isinstance(details.error, ev.ResponseError):
        return f"{response.status} {details.error.code}"
    return f"{response.status} {details.reason}"


def ms(samples: int) -> int:
    """A position in whole milliseconds."""
    return samples // SAMPLES_PER_MS
