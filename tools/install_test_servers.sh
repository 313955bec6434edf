#!/bin/sh
# Installs the servers and tools that the tests talk to, where they are missing (Debian 12).
set -eu
missing=""
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need postfix postfix
need swaks swaks
need gcc gcc
need openssl openssl
need ssh openssh-client
need sftp openssh-client
need pebble pebble
[ -z "$missing" ] && exit 0
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
echo "Installing test servers:$missing"
# The tests start their own instances: keep Debian from starting one on port 25.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod +x $policy
    made=yes
fi
$as_root apt-get -qq update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $missing >/dev/null
[ -z "$made" ] || $as_root rm -f $policy
