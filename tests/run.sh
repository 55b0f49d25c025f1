#!/usr/bin/env bash
# Installs what the tests need and runs all of them. Usage: run.sh [quick|soak]
#   quick   leaves out the virtual machines and what is only compiled (fuzz targets)
#   soak    adds a long run of 20 minutes in a guest, ten minutes of fuzzing, and many more cases of every property test
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:-all}
case $mode in all | quick | soak) ;; *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;; esac
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto} RUSTDOCFLAGS='-D warnings'
locked=()
if [ "${CI:-}" = true ]; then locked=(--locked); fi
if [ "$mode" = soak ]; then export PROPTEST_CASES=20000 ISOMIRROR_SOAK_SECONDS=1200 ISOMIRROR_TEST_DISCS=200; fi
# The short run is the same every time; the long one is another each time.
if [ "$mode" = all ]; then export ISOMIRROR_SOAK_SEED=${ISOMIRROR_SOAK_SEED:-1}; fi
mkdir -p target
log=target/tests.log failed=()
: >"$log"

# Runs a command as the stage NAME, tells how long it took, and goes on if it fails: the end tells all of it.
stage() {
    local name=$1 start=$SECONDS
    shift
    printf '\n==> %s\n' "$name"
    if "$@" 2>&1 | tee -a "$log"; then
        printf '==> %s: done in %d s\n' "$name" $((SECONDS - start))
    else
        printf '==> %s: FAILED after %d s\n' "$name" $((SECONDS - start))
        failed+=("$name")
    fi
}

# All tests but those in virtual machines.
run_tests() {
    if command -v cargo-nextest >/dev/null; then
        cargo nextest run --config-file tests/nextest.toml "${locked[@]}" --workspace -E 'not binary(guest) and not binary(soak) and not binary(netboot) and not binary(browser)'
    else
        cargo test "${locked[@]}" --workspace --lib --bins --test integration --no-fail-fast -- --test-threads=4
    fi
}

stage 'install what the tests need' ./tests/install-dependencies.sh "$mode"
stage 'format' cargo fmt --all --check
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
stage 'shell scripts' shellcheck "${scripts[@]}"
stage 'clippy' cargo clippy "${locked[@]}" --workspace --all-targets -- -D warnings
stage 'documentation' cargo doc "${locked[@]}" --workspace --no-deps --quiet
stage 'examples in documentation' cargo test "${locked[@]}" --workspace --doc --quiet
stage 'programs' cargo build "${locked[@]}" --workspace --bins
stage 'unit and integration tests' run_tests
if [ "$mode" != quick ]; then
    stage 'fuzz targets compile' cargo check "${locked[@]}" --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz
    # Its own runner: nextest would boot a guest for every test.
    stage 'guest tests' cargo test "${locked[@]}" -p isomirror-tests --test guest
    stage 'long run' cargo test "${locked[@]}" -p isomirror-tests --test soak
    stage 'browser tests' cargo test "${locked[@]}" -p isomirror-tests --test browser
    stage 'netboot tests' cargo test "${locked[@]}" -p isomirror-tests --test netboot -- --test-threads=1
fi
if [ "$mode" = soak ]; then stage 'fuzzing' ./tests/fuzz.sh 100; fi

# nextest sums up as "10 tests run: 10 passed, 1 failed", cargo test as "ok. 10 passed; 1 failed".
count() { sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E ' tests? run: |^test result: ' | { grep -oE "[0-9]+ $1" || true; } | awk '{ sum += $1 } END { print sum + 0 }'; }
printf '\n%s: %d s, log in %s\n' "$mode" "$SECONDS" "$log"
printf '%d passed, %d failed\n' "$(count passed)" "$(count failed)"
if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}" >&2
    exit 1
fi
