#!/usr/bin/env bash
# Lint, types and every test level that needs no Docker; sets itself up first (.venv, and Debian packages as root).
#   ./test.sh [--fast | --setup] [PYTEST ARGUMENTS]
#     --fast    lint, types and the tests that need no server (unit, contract)
#     --setup   only set up
# Further arguments go to pytest: ./test.sh tests/unit -k windows
# TONEWATCH_REQUIRE_ALL=1 makes a test fail, not skip, where a tool it needs is absent.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

mode=all
case ${1:-} in
--fast | --setup)
    mode=${1#--}
    shift
    ;;
-h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    exit 0
    ;;
esac

# shellcheck source=scripts/setup.sh
source scripts/setup.sh
if [[ $mode != fast ]]; then
    install_debian_packages "${TEST_PACKAGES[@]}"
fi
make_dev_environment || exit 1
[[ $mode == setup ]] && exit 0

export PATH="$PWD/.venv/bin:$PATH" OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
results=() failed=0

# step NAME COMMAND...: run it, and remember how it went for the summary
step() {
    local name=$1 started=$SECONDS status=ok
    shift
    echo
    echo "== $name: $*"
    "$@" || {
        status=FAILED
        failed=1
    }
    results+=("$(printf '%-12s %-7s %4d s' "$name" "$status" $((SECONDS - started)))")
}

# shellcheck disable=SC2329 # these are called through step
yaml_files() { git ls-files --cached --others --exclude-standard '*.yaml' '*.yml' 2>/dev/null || find . -name '*.y*ml'; }
# shellcheck disable=SC2329
lint_yaml() { yaml_files | xargs -r yamllint --strict; }
# shellcheck disable=SC2329
lint_shell() { shellcheck --external-sources ./*.sh .ci/run scripts/*.sh deploy/*/*.sh; }

step ruff ruff check .
step format ruff format --check .
step types mypy
step imports lint-imports
step spelling codespell
step shell lint_shell
step yaml lint_yaml

# what failed is said again at the very end: of a long log only that may be kept
test_log=$(mktemp)
trap 'rm -f "$test_log"' EXIT
# shellcheck disable=SC2329
run_tests() { pytest "$@" 2>&1 | tee -a "$test_log"; }

# one test at a time to each process: in larger portions the slow ones would wait behind each other at the end
pytest_arguments=(-n "${TEST_PROCESSES:-4}" --maxschedchunk=1)
# what all services share is covered by tests of its own; to trace the others' would only slow them down
shared_tests=(tests/unit/shared tests/integration/shared)
if [[ $mode == fast ]]; then
    step tests run_tests "${pytest_arguments[@]}" -m "unit or contract" "$@"
elif [[ $# -gt 0 ]]; then
    step tests run_tests "${pytest_arguments[@]}" -m "not containers" "$@"
else
    rm -f .coverage .coverage.*
    step shared run_tests "${pytest_arguments[@]}" --cov --cov-report= "${shared_tests[@]}"
    step coverage coverage report --include='shared/src/*' --skip-covered --fail-under=90
    step tests run_tests "${pytest_arguments[@]}" -m "not containers" "${shared_tests[@]/#/--ignore=}"
fi

echo
echo "== summary"
printf '%s\n' "${results[@]}"
grep -E '^(FAILED|ERROR) ' "$test_log"
exit "$failed"
