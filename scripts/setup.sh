#!/usr/bin/env bash
# Sourced by test.sh: what a machine needs to test Tonewatch. Nothing is done twice.

# servers and tools that tests start themselves
# shellcheck disable=SC2034 # used by the script that sources this one
TEST_PACKAGES=(redis-server ffmpeg nginx-light libnginx-mod-rtmp postgresql chromium chromium-headless-shell rtmpdump)

# install_debian_packages NAME...: those that are absent, without starting their services; only as root on Debian
install_debian_packages() {
    local absent=() name policy=/usr/sbin/policy-rc.d made_policy=
    command -v dpkg-query >/dev/null || return 0
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || absent+=("$name")
    done
    [[ ${#absent[@]} -eq 0 ]] && return 0
    if [[ $(id -u) -ne 0 ]]; then
        echo "setup: not installed, and only root can install them: ${absent[*]}" >&2
        return 0
    fi
    echo "setup: installing ${absent[*]}"
    if [[ ! -e $policy ]]; then # Debian asks this script before it starts a service
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made_policy=1
    fi
    apt_get update && apt_get install --no-install-recommends "${absent[@]}" ||
        echo "setup: could not install ${absent[*]}; the tests that need them will say so" >&2
    [[ -z $made_policy ]] || rm -f "$policy"
}

apt_get() {
    local attempt
    for attempt in 1 2 3; do
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 "$@" >/dev/null && return 0
        sleep $((attempt * 3))
    done
    return 1
}

# make_dev_environment: run.sh's .venv and the tools on top; made again when what it is made from changed
make_dev_environment() {
    local stamp=.venv/.dev-environment inputs
    inputs=$(cat requirements-dev.txt constraints.txt {shared,services/*,cli,suite,evaluation,training}/pyproject.toml | sha256sum)
    if [[ -x .venv/bin/pytest && -f $stamp && $(<"$stamp") == "$inputs" ]]; then
        return 0
    fi
    ./run.sh --setup || return 1
    echo "setup: installing the tools for tests (some minutes the first time)"
    # most of these modules are never imported: those that are get compiled then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
        -r requirements-dev.txt -c constraints.txt || return 1
    printf '%s\n' "$inputs" >"$stamp"
}
