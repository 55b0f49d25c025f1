#!/usr/bin/env bash
# Runs every fuzz target under libFuzzer, from its committed corpus. Usage: fuzz.sh [SECONDS [TARGET…]]
# New inputs go to target/fuzz-corpus and findings to tests/fuzz/artifacts; add a finding to tests/fuzz/corpus, where
# every test run replays it, and mend what it shows.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
targets=("${@:2}")
if [ ${#targets[@]} = 0 ]; then for file in tests/fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done; fi

./tests/install-dependencies.sh
if ! command -v cargo-fuzz >/dev/null; then
    echo 'installing cargo-fuzz by cargo'
    cargo install cargo-fuzz --locked --quiet
fi
# Sanitizers are unstable options; this lets the stable compiler take them.
export RUSTC_BOOTSTRAP=1
# What does not compile is no finding.
cargo fuzz build --fuzz-dir tests/fuzz --target-dir target/fuzz

failed=()
for target in "${targets[@]}"; do
    printf '\n==> fuzzing %s for %d s\n' "$target" "$seconds"
    new=target/fuzz-corpus/$target
    mkdir -p "$new"
    # A hang is a second, as for the tests; memory in one piece is 64 MiB at most.
    cargo fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz "$target" "$new" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=1 -rss_limit_mb=1024 -malloc_limit_mb=64 -max_len=262144 \
        -print_final_stats=1 || failed+=("$target")
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'FINDINGS: %s\n' "${failed[@]}" >&2
    exit 1
fi
