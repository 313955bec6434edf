#!/bin/sh
# Creates .venv with uv in it. On a fresh Debian 12, python3-venv may be missing: install it.
set -eu
python=${1:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Mailwarden needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Installing python3-venv ..."
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get -qq update
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install python3-venv >/dev/null
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip --quiet --disable-pip-version-check install 'uv>=0.9,<1'
touch .venv/.python
