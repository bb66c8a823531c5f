"""What a supervisor makes once, for all workers."""

import stat
from pathlib import Path

import msgspec
import pytest

from vivavoce.config import Settings, read_settings
from vivavoce.engines.remote.address import UnixAddress
from vivavoce.runtime.metrics import SHARED_FOLDER
from vivavoce.workers.messages import Begin
from vivavoce.workers.metrics import mark_dead
from vivavoce.workers.serving import begin, environment, private_folder

EXAMPLES = Path(__file__).parents[3] / "examples" / "config"


def test_the_folder_is_for_this_user_and_for_the_life_of_the_server() -> None:
    with private_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert Path(environment(folder)[SHARED_FOLDER]).is_dir()
    assert not folder.exists()


def test_without_a_secret_key_one_is_drawn(tmp_path: Path) -> None:
    drawn = [begin(Settings(), tmp_path, None).settings.secret_key for _ in range(2)]
    assert all(key is not None and len(key) >= 32 for key in drawn)
    assert drawn[0] != drawn[1]


def test_a_secret_key_that_was_set_is_kept(tmp_path: Path) -> None:
    own = "k" * 32
    assert begin(Settings(secret_key=own), tmp_path, None).settings.secret_key == own


def test_a_certificate_is_made_where_one_is_asked_for(tmp_path: Path) -> None:
    assert begin(Settings(), tmp_path, None).certificate is None
    made = begin(Settings(tls="self-signed"), tmp_path, None).certificate
    assert made is not None
    assert b"BEGIN CERTIFICATE" in made


@pytest.mark.parametrize(
    "settings",
    [
        *(read_settings(path, {}) for path in sorted(EXAMPLES.iterdir())),
        Settings(
            stt={"engine": "scripted", "texts": ["Hello."]},
            aliases={"a": "b"},
            session_minutes=None,
            retain_audio="all",
            api_keys=("one", "two"),
            allowed_origins=("*",),
        ),
    ],
)
def test_settings_arrive_as_they_were(settings: Settings, tmp_path: Path) -> None:
    sent = begin(settings, tmp_path, UnixAddress("/engines"))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Begin) == sent


def test_gauges_of_a_dead_process_are_forgotten(tmp_path: Path) -> None:
    live, counted = tmp_path / "gauge_livesum_7.db", tmp_path / "counter_7.db"
    for file in (live, counted):
        file.touch()
    mark_dead(7, {SHARED_FOLDER: str(tmp_path)})
    assert not live.exists()
    assert counted.exists()
