#!/bin/sh
# Make the virtual environment DIRECTORY with a Python that Vivavoce runs on, unless it is there.
#
#   make_venv.sh DIRECTORY [PYTHON]
#
# Without PYTHON, an environment that works is kept, whichever Python it has. A new one gets the
# first of the candidates below that is recent enough and can make environments.

set -eu

directory=$1
asked=${2:-}

# The built-in recogniser has wheels for 3.13 and 3.11 on every platform, elsewhere not always.
candidates=${asked:-python3.13 python3.11 python3.12 python3 python3.14}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_recent() {
    case $1 in
        3.1[1-9] | 3.[2-9][0-9]) return 0 ;;
        *) return 1 ;;
    esac
}

origin_of() {
    "$1" -c 'import pip, sys; print(sys.base_prefix, sys.version)' 2>/dev/null
}

base_of() {
    "$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null
}

is_usable() {
    have=$(origin_of "$directory/bin/python") || return 1
    is_recent "$(version_of "$directory/bin/python")" || return 1
    [ -z "$asked" ] || [ "$have" = "$(base_of "$asked")" ]
}

refuse() {
    printf '%s\n' "$@" >&2
    exit 1
}

if is_usable; then
    exit 0
fi

python=
version=
without_venv=
too_old=
for candidate in $candidates; do
    version=$(version_of "$candidate") || continue
    if ! is_recent "$version"; then
        too_old="$too_old $candidate is $version;"
    elif ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        without_venv="$candidate $version"
    else
        python=$candidate
        break
    fi
done

if [ -z "$python" ] && [ -n "$without_venv" ]; then
    refuse \
        "${without_venv% *} (${without_venv#* }) cannot make virtual environments. On Debian and Ubuntu:" \
        "  sudo apt install python3-venv      (or python${without_venv#* }-venv, if that Python is not the system's own)"
fi
if [ -z "$python" ]; then
    refuse \
        "Vivavoce works with Python 3.11 to 3.14;${too_old:- there is no ${asked:-python3} here;} install one, or name it:" \
        "  Debian, Ubuntu: sudo apt install python3 python3-venv" \
        "  macOS:          brew install python@3.13" \
        "  elsewhere:      make install PYTHON=/path/to/python3.13"
fi

echo "Making $directory with Python $version ($(command -v "$python"))"
"$python" -m venv --clear "$directory"
