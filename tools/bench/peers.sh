#!/bin/sh
# Fetches the mail servers that `mailwarden bench` compares with, besides Postfix, which is
# installed as usual (apt-get install postfix):
#
#     tools/bench/peers.sh exim opensmtpd haraka
#
# Exim and OpenSMTPD exclude each other and Postfix on one Debian system, so each gets a small
# Debian of its own, in a folder; this needs root. Haraka comes from npm. Nothing is started, and
# nothing but debootstrap is installed on this machine. All of it lies in $PEERS, .bench/peers
# unless said; `rm -rf` removes it.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
PEERS=$(realpath -m "${PEERS:-$here/.bench/peers}")
suite=bookworm

say() { echo "peers: $*"; }

need_root() {
    [ "$(id -u)" = 0 ] || { say "$1 needs root: sudo tools/bench/peers.sh $1" >&2; exit 1; }
}

# debian NAME PACKAGE: a Debian with PACKAGE in $PEERS/NAME/root
debian() {
    need_root "$1"
    root=$PEERS/$1/root
    [ -e "$PEERS/$1/ready" ] && return 0
    command -v debootstrap >/dev/null || {
        say "installing debootstrap"
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends debootstrap >/dev/null
    }
    say "$1: making a Debian $suite in $root"
    rm -rf "$PEERS/$1"
    mkdir -p "$PEERS/$1"
    debootstrap --variant=minbase "$suite" "$root" >"$PEERS/$1/log" 2>&1 ||
        { tail -5 "$PEERS/$1/log" >&2; exit 1; }
    # The packages must not start their daemons, nor ask anything.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    say "$1: installing $2"
    chroot "$root" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y install --no-install-recommends "$2" >>"$PEERS/$1/log" 2>&1 ||
        { tail -5 "$PEERS/$1/log" >&2; exit 1; }
    # From here on it asks /etc/hosts first (`lookup` is for OpenSMTPD's resolver, which asks for
    # each connection) and no name server but one that refuses at once.
    printf 'lookup file\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n' \
        >"$root/etc/resolv.conf"
    printf '127.0.0.1 peer.test localhost\n' >"$root/etc/hosts"
    chroot "$root" dpkg-query -W -f '${Version}\n' "$2" >"$PEERS/$1/version"
    touch "$PEERS/$1/ready"
}

haraka() {
    folder=$PEERS/haraka
    [ -e "$folder/ready" ] && return 0
    command -v npm >/dev/null || { say "haraka needs Node.js with npm" >&2; exit 1; }
    say "haraka: fetching it from npm"
    rm -rf "$folder"
    mkdir -p "$folder"
    cd "$folder"
    printf '{"name":"peer","private":true}\n' >package.json
    npm install --silent --no-audit --no-fund --omit=optional Haraka@3 >log 2>&1 ||
        { tail -5 log >&2; exit 1; }
    node -p 'require("./node_modules/Haraka/package.json").version' >version
    touch ready
}

[ $# -gt 0 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
for peer in "$@"; do
    case $peer in
    exim) debian exim exim4-daemon-light ;;
    opensmtpd) debian opensmtpd opensmtpd ;;
    haraka) (haraka) ;;
    *) say "unknown peer: $peer" >&2; exit 2 ;;
    esac
    say "$peer $(cat "$PEERS/$peer/version") is ready"
done
