#!/usr/bin/env bash
# Builds isomirror and serves the images of a directory until Ctrl-C, with nothing installed or left mounted.
# Usage: quickstart.sh DIR [ADDR:PORT]
#   DIR         directory of images; made where it is missing
#   ADDR:PORT   where the HTTP server listens, 127.0.0.1:8080 unless told
# Everything of it lies below target/quickstart.
set -euo pipefail
usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }
case ${1:-} in -h | --help) usage; exit 0 ;; esac
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ -z "$1" ]; then usage >&2; exit 2; fi
images=$(realpath -m -- "$1") listen=${2:-127.0.0.1:8080}
cd "$(dirname "$0")/.."
place=$PWD/target/quickstart
say() { printf '==> %s\n' "$*"; }
fail() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

# Something listens already where a connection succeeds; asked before minutes are spent on building.
if (exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}") 2>/dev/null; then
    fail "something listens on $listen already; stop it, or choose another port: $0 DIR 127.0.0.1:8081"
fi

# Under sudo the program is built as the user who called it, with that user's Rust, so that target/ stays theirs.
builder=()
home=$HOME
if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    builder=(sudo -u "$SUDO_USER" -H)
    home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
fi
export PATH="$PATH:$home/.cargo/bin"
build() { "${builder[@]}" env PATH="$PATH" "$@"; }

say "installing what the build needs, where it is missing"
./packaging/install-packages.sh gcc libc6-dev libudev-dev pkg-config
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
recent() {
    local found
    found=$(build cargo --version 2>/dev/null | cut -d' ' -f2) && [ -n "$found" ] &&
        [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ]
}
if ! recent; then
    say "no Rust $needed or later here; installing it by rustup"
    if ! build rustup --version >/dev/null 2>&1; then
        ./packaging/install-packages.sh rustup || fail "please install Rust $needed or later from https://rustup.rs/, then run this again"
        # Fedora's package brings the installer only.
        if command -v rustup-init >/dev/null; then build rustup-init -y --profile minimal; fi
    fi
    build rustup toolchain install stable --profile minimal
    build rustup default stable
    recent || fail "cargo is older than $needed still; see https://rustup.rs/"
fi

say "building isomirrord (a few minutes the first time)"
build cargo build --release --bins

if [ ! -d "$images" ]; then
    say "making the directory $images"
    mkdir -p -- "$images"
fi
mkdir -p "$place/web" "$place/run" "$place/state" || true
for directory in web run state; do
    [ -w "$place/$directory" ] || fail "$place belongs to somebody else; remove it with: sudo rm -r $place"
done
printf '%s\n' '# Written by packaging/quickstart.sh.' 'mount: {on_stop: unmount}' >"$place/isomirror.yaml"

if [ "$(id -u)" != 0 ]; then
    say "not root: images are served over HTTP, and mounted only as far as this user may; the status tells what was not possible, and why"
fi
if [ -z "$(find -L "$images" -iname '*.iso' -print -quit 2>/dev/null)" ]; then
    say "there is no image in $images yet; copy one in, and it appears by itself"
fi
say "serving $images on http://$listen/, mounted below $place/web; Ctrl-C ends it and unmounts everything"
say "its status, from another terminal: RUNTIME_DIRECTORY=$place/run $PWD/target/release/isomirror status"
export RUNTIME_DIRECTORY=$place/run STATE_DIRECTORY=$place/state
exec target/release/isomirrord --config "$place/isomirror.yaml" --images "$images" --webroot "$place/web" --listen "$listen"
