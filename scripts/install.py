"""Install this checkout into the environment of the Python that runs this script.

    python scripts/install.py                the package, editable, and what its extra `demo` names
    python scripts/install.py --group dev    what a dependency group of pyproject.toml names
    python scripts/install.py --group beta --into FOLDER    the same, apart from the environment

The recogniser of that extra, pocketsphinx, is installed apart from the rest: it has no wheel
for some Pythons and platforms, and everything else works without it.

pip runs as the user has configured it. When it fails, what it wrote is shown, and its status is
the status of this script.
"""

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RECOGNIZER = "pocketsphinx"


def main() -> None:
    """Install what the command line asks for, with one line of output for each step."""
    parser = argparse.ArgumentParser(description="Install this checkout with pip.")
    parser.add_argument("--group", help="install a dependency group of pyproject.toml instead")
    parser.add_argument(
        "--into", metavar="FOLDER", help="install the group and all it needs into this folder"
    )
    arguments = parser.parse_args()
    group = arguments.group
    if arguments.into and group is None:
        parser.error("--into needs --group")
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if group is None:
        install_package(pyproject["project"]["optional-dependencies"]["demo"])
    else:
        install_group(group, pyproject["dependency-groups"][group], arguments.into)


def install_package(demo: list[str]) -> None:
    """Install the package, editable, and the requirements of its `demo` extra."""
    print("Installing Vivavoce with its built-in engines (the first time takes a minute)")
    recognizer = [requirement for requirement in demo if name_of(requirement) == RECOGNIZER]
    others = [requirement for requirement in demo if requirement not in recognizer]
    pip_install("--editable", str(ROOT), *others)
    if recognizer:
        install_recognizer()


def install_group(name: str, requirements: list[str], folder: str | None = None) -> None:
    """Install the requirements of a dependency group, in this environment or in a folder."""
    print(f"Installing the {name} tools")
    target = [] if folder is None else ["--upgrade", "--target", folder]
    pip_install(*target, *requirements)


def install_recognizer() -> None:
    """Install the newest pocketsphinx that this Python can have; if none, say what to do.

    The newest that has a wheel here is preferred to a newer one that would have to be compiled:
    for 3.12 that is 5.0.4.
    """
    refusal = try_pip_install("--only-binary", ":all:", f"{RECOGNIZER}>=5.0.4")
    if refusal is None:
        return
    here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if "No matching distribution" in refusal:
        refusal = f"it has no wheel for {here}"
    print(f"{RECOGNIZER}, the built-in recogniser, was not installed: {refusal}")
    if compiler := find_compiler():
        print(f"Building {RECOGNIZER} from source with {compiler}")
        refusal = try_pip_install(f"{RECOGNIZER}>=5.0.4")
        if refusal is None:
            return
        print(f"{RECOGNIZER} could not be built: {refusal}")
    print(
        "Everything else is installed. Text works; speech is not heard until you name another\n"
        f"recogniser (vivavoce serve --stt …) or install {RECOGNIZER} in one of these ways:\n"
        "  with a Python that has a wheel:  make install PYTHON=python3.13   (or python3.11)\n"
        "  with a C compiler (Debian: apt install build-essential python3-dev; macOS:\n"
        f"  xcode-select --install):         .venv/bin/python -m pip install {RECOGNIZER}"
    )


def find_compiler() -> str | None:
    """Find a C compiler; None if there is none on the path."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def name_of(requirement: str) -> str:
    """Take the normalised name from a requirement: `Foo.Bar[x]>=1; …` gives `foo-bar`."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def pip_install(*arguments: str) -> None:
    """Run `pip install`. If it fails, show all that it wrote and exit with its status."""
    run = run_pip_install(*arguments)
    if run.returncode:
        print(run.stderr, file=sys.stderr, end="")
        sys.exit(run.returncode)


def try_pip_install(*arguments: str) -> str | None:
    """Run `pip install`; None if it succeeded, otherwise the last error that it wrote."""
    run = run_pip_install(*arguments)
    if not run.returncode:
        return None
    lines = [line.strip() for line in run.stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or [f"pip ended with status {run.returncode}"])[-1]


def run_pip_install(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the pip of this environment. Its warnings are kept back: they are for failures only."""
    sys.stdout.flush()
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", *arguments],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


if __name__ == "__main__":
    main()
