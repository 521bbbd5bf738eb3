# Sourced by the other scripts: finds a fitting Python and makes a virtual environment with a current pip.

find_python() {
    local candidate
    for candidate in "${KZLABEL_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "kzlabel needs Python 3.11 or later; install it or name it in KZLABEL_PYTHON." >&2
    return 1
}

make_environment() {
    local folder=$1 python
    python=$(find_python)
    if ! "$folder/bin/python" -c '' >/dev/null 2>&1; then
        rm -rf "$folder"
        if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || ! "$python" -m venv "$folder" >/dev/null 2>&1; then
            rm -rf "$folder"
            echo "This Python has no working venv module; install it (Debian, Ubuntu: apt install python3-venv) and run this again." >&2
            return 1
        fi
    fi
    # --group needs pip 25.1.
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
}
