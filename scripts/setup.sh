#!/usr/bin/env bash
# Set up all that the stack needs in this folder: uv in .tools, packages in .venv, the Airbyte
# connector in .connectors, the parsed dbt project. Needs Python 3.11 to 3.13 and the package
# registry; touches nothing outside the folder but uv's download cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv_version=0.13.9
export UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv
unset VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

die() { echo "setup: $*" >&2; exit 1; }

find_python() {
    local name
    for name in ${PYTHON:-} python3.11 python3.12 python3 python3.13; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "Python 3.11, 3.12 or 3.13 is not found; install it, or name it: make PYTHON=/path/to/python3.11"
}

# Other programs in .tools took minutes to compile.
remove_uv() { [[ ! -d .tools ]] || find .tools -mindepth 1 -maxdepth 1 ! -name go ! -name 'schemas-*' -exec rm -rf {} +; }

# A Debian Python may lack venv's pip; pip's --target needs none.
install_uv() {
    local python=$1
    remove_uv
    if "$python" -m venv .tools >/dev/null 2>&1 && .tools/bin/python -m pip --version >/dev/null 2>&1; then
        .tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
    else
        remove_uv
        "$python" -m pip install --quiet --disable-pip-version-check --target .tools "uv==$uv_version" ||
            die "neither venv nor pip works with $python; install Debian's python3-venv or python3-pip"
    fi
}

python=$(find_python)
if [[ "$(.tools/bin/uv --version 2>/dev/null)" != "uv $uv_version"* ]]; then
    echo "setup: uv $uv_version into .tools"
    install_uv "$python"
fi

# A lock that misses a dependency must fail here, not be mended silently.
[[ -d .venv ]] || echo "setup: packages into .venv (about 1.5 GB; the first time takes minutes)"
# Bytecode is made as it is needed: all of it would take as long as everything else here.
.tools/bin/uv sync --locked --quiet --python "$python"

.venv/bin/stack connectors
.venv/bin/python -m transformation.prepare
date > .venv/.ready
