"""The two machines of docs/remote-engines.md understand each other."""

import inspect
import re
from pathlib import Path

import yaml

from vivavoce.assembly import assemble
from vivavoce.commands.serve_engines import lines, offered
from vivavoce.config import Settings, read_settings
from vivavoce.engines.registry import engine_class
from vivavoce.engines.remote.address import TcpAddress
from vivavoce.engines.remote.description import REMOTE_SLOTS

PAGE = (Path(__file__).parents[2] / "docs" / "remote-engines.md").read_text("utf-8")
THERE, HERE = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_one_writes_what_the_other_prints(tmp_path: Path) -> None:
    path = tmp_path / "engines.yaml"
    path.write_text(THERE)
    settings = read_settings(path, {})
    printed = lines(TcpAddress("gpu1", 7000), offered(settings, assemble(settings)))
    assert "".join(f"{line.strip()}\n" for line in printed) == HERE
    assemble(Settings(**yaml.safe_load(HERE)))


def test_every_option_is_on_the_page() -> None:
    table = PAGE.split("| option |")[1].split("\n\n")[0]
    told = {
        name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    options = {
        name
        for slot in REMOTE_SLOTS
        for name in inspect.signature(engine_class(slot, "remote")).parameters
    }
    assert told == options
