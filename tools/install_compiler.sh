#!/bin/sh
# Installs a C compiler and the headers of Python, where they are missing (Debian 12).
set -eu
headers=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')
command -v gcc >/dev/null 2>&1 && [ -e "$headers/Python.h" ] && exit 0
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
version=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
echo "Installing gcc and python$version-dev ..."
$as_root apt-get -qq update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends \
    gcc libc6-dev "python$version-dev" >/dev/null
