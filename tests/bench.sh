#!/usr/bin/env bash
# Measures a release build against its peers and prints a Markdown table with the machine it ran on.
# Usage: bench.sh [serve] [trees] [images] [fetch] [idle] [drives]   all of them unless told; as root, on an otherwise idle machine
#        bench.sh peers [SYSTEM]...   what becomes of discs with isomirror and with others, in guests; half an hour
set -euo pipefail
cd "$(dirname "$0")/.."
./tests/install-dependencies.sh >&2
cargo build --release --workspace --bins >&2
exec ./target/release/bench "$@"
