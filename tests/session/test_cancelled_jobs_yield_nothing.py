"""Walk (o): a result whose job has no owner any more has no effect, at any point."""

from support.cast import Cast, Failure
from support.stage import Stage
from vivavoce.session import inputs as inp
from vivavoce.session.outputs import Cancel, Generate, Hear, Listen, Speak

REPLY = ("Well, let me think about that. ", "It is blue, I think. ", "Or green.")


def cancelled(stage: Stage) -> list[int]:
    return [output.job for output in stage.outputs if isinstance(output, Cancel)]


def results_of(job: int) -> list[inp.AnyInput]:
    """Everything that an engine could still say about a job."""
    return [
        inp.SpeechScored(job, 10**9, 1.0),
        inp.TranscriptDelta(job, "late"),
        inp.Transcribed(job, "late"),
        inp.TextGenerated(job, "late. "),
        inp.ToolCallGenerated(job, index=0, arguments="{}", name="late"),
        inp.AudioSynthesized(job, bytes(4800)),
        inp.SpeechFinished(job),
        inp.GenerationFinished(job),
        inp.EngineFailed(job, "late", "Too late."),
    ]


def test_results_of_cancelled_jobs_change_nothing_whatever_they_are() -> None:
    stage = Stage(cast=Cast(says=[REPLY], piece_s=0.1, chunk_s=0.2))
    stage.speech(512)
    stage.silence(192)
    stage.advance(200)
    stage.speech(512)
    stage.silence(608)
    stage.speech(32)
    stage.update_input(turn_detection=None)
    jobs = cancelled(stage)
    kinds = {stage.names.job(job).rstrip("0123456789") for job in jobs}
    assert kinds == {"generate", "speak", "listen"}
    stage.news()
    for job in jobs:
        for result in results_of(job):
            stage.step(result)
    assert stage.news() == []


def test_results_of_jobs_that_are_done_change_nothing() -> None:
    stage = Stage(cast=Cast(says=[REPLY]))
    stage.speech(512)
    stage.silence(1024)
    stage.advance(5000)
    assert stage.told()[-1] == "response.done resp1 completed"
    done = [o.job for o in stage.outputs if isinstance(o, Hear | Generate | Speak)]
    for job in done:
        for result in results_of(job):
            stage.step(result)
    assert stage.news() == []


def test_every_job_is_cancelled_once_at_most_and_only_while_it_is_at_work() -> None:
    stage = Stage(cast=Cast(says=[REPLY, ("Sorry, ", Failure())]))
    for _ in range(3):
        stage.speech(512)
        stage.silence(192)
        stage.advance(50)
        stage.speech(256)
        stage.silence(704)
    jobs = cancelled(stage)
    assert len(jobs) == len(set(jobs))
    begun = [o.job for o in stage.outputs if isinstance(o, Hear | Generate | Speak | Listen)]
    assert set(jobs) <= set(begun)


def test_a_session_that_ends_leaves_no_job_at_work() -> None:
    stage = Stage()
    stage.speech(512)
    stage.silence(512)
    stage.heard("hello")
    stage.wrote("Hello, you. And ")
    stage.respond(conversation="none")
    stage.silence(512)
    stage.news()
    stage.step(inp.PeerLeft(1))
    assert stage.news() == [
        "Cancel listen1",
        "Cancel generate1",
        "Cancel speak1",
        "Cancel speak2",
        "Cancel generate2",
    ]
    assert stage.session.next_deadline() is None
    stage.wrote("late")
    stage.write("late")
    assert stage.news() == []
