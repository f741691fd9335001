#!/usr/bin/env bash
# Sets Tonewatch up in this clone and starts it, without Docker. ./run.sh --help tells the options.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$root/.venv
stamp=$venv/.tonewatch-setup
big_engine=$venv/.tonewatch-emotion2vec  # once asked for, it stays installed

say() { printf 'run.sh: %s\n' "$*"; }
die() { printf 'run.sh: %s\n' "$*" >&2; exit 1; }

usage() {
    cat <<'TEXT'
Usage: ./run.sh [OPTION]...

Sets up what is missing (.venv in this clone, nginx-rtmp where root or sudo allows), then starts
Tonewatch and tells the addresses to open. Ctrl-C stops everything.

  --demo              play a synthetic call and receive the alerts it raises
  --check             do the same without a person: PASS and exit 0, or what was not seen and exit 1
  --engine NAME       compact (default) or emotion2vec (installs torch and FunASR)
  --model DIR-or-ID   for emotion2vec: a folder with the model, or its id on the hub
  --port-offset N     add N to every port, so that two can run (the second needs --data, too)
  --check-seconds N   how long --check waits for all of it (default 90)
  --no-rtmp           take no RTMP pushes, run no nginx
  --host ADDRESS      where console and RTMP listen (default 127.0.0.1; 0.0.0.0 lets others in)
  --data DIR          where everything is kept (default: data, or data/check for --check)
  --setup             only set up
  --no-apt            install no system packages
  --help              this text

PYTHON chooses the interpreter (3.11 or newer).
TEXT
}

# may we install system packages without asking for a password?
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    [ "$use_apt" = yes ] && command -v apt-get >/dev/null &&
        { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }
}

# install packages, but let none of them start a service: exit code 101 of policy-rc.d forbids it
apt_install() {
    local policy=/usr/sbin/policy-rc.d made=no code=0 log
    log=$(mktemp)
    say "installing $* with apt-get"
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made=yes
    fi
    {
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" ||
            { as_root apt-get update -q &&
                as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; }
    } >"$log" 2>&1 || code=$?
    if [ "$made" = yes ]; then as_root rm -f "$policy"; fi
    if [ "$code" != 0 ]; then tail -n 3 "$log"; fi
    rm -f "$log"
    return "$code"
}

python_will_do() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python}; do
        if command -v "$candidate" >/dev/null && python_will_do "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local python=$1
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        local version
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if ! { can_install && apt_install "python$version-venv"; }; then
            die "$python has no venv module; install it: sudo apt-get install python$version-venv"
        fi
    fi
    say "making $venv with $("$python" --version)"
    "$python" -m venv "$venv"
}

has_rtmp() {
    PATH=$PATH:/usr/sbin command -v nginx >/dev/null && [ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ]
}

ensure_rtmp() {
    has_rtmp && return
    if can_install && apt_install nginx libnginx-mod-rtmp && has_rtmp; then
        say "nginx-rtmp is installed"
    else
        say "no nginx-rtmp: RTMP push will be off. To have it: sudo apt-get install nginx libnginx-mod-rtmp"
    fi
}

# what the installed state depends on
fingerprint() {
    {
        ls "$big_engine" 2>/dev/null || true
        "$venv/bin/python" --version
        cat "$root"/shared/pyproject.toml "$root"/services/*/pyproject.toml "$root"/{cli,suite}/pyproject.toml
        cat "$root/constraints.txt" 2>/dev/null || true
    } | sha256sum
}

install_packages() {
    local packages=(-e "$root/shared[database]" -e "$root/suite" -e "$root/cli") service extra
    for service in ingest inference alerting storage console; do
        extra=
        if [ "$service" = inference ] && [ -e "$big_engine" ]; then extra='[emotion2vec]'; fi
        packages+=(-e "$root/services/$service$extra")
    done
    if [ -f "$root/constraints.txt" ]; then packages+=(-c "$root/constraints.txt"); fi
    say "installing the packages into .venv (the first time takes a minute or two)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${packages[@]}" ||
        die "pip could not install the packages; its message is above. Can this machine reach a package index?"
}

set_up() {
    local python
    if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        python=$(find_python) ||
            die "Python 3.11 or newer is needed: install python3.11, or name one: PYTHON=/path/to/python3.11 ./run.sh"
        make_venv "$python"
    fi
    if [ "$engine" = emotion2vec ]; then touch "$big_engine"; fi
    if [ "$(fingerprint)" != "$(cat "$stamp" 2>/dev/null)" ]; then
        rm -f "$stamp"
        install_packages
        ensure_rtmp
        fingerprint >"$stamp"
    elif [ "$setup_only" = yes ]; then
        ensure_rtmp
    fi
}

engine=compact
setup_only=no
use_apt=yes
forward=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --setup) setup_only=yes ;;
    --no-apt) use_apt=no ;;
    --engine) [ $# -gt 1 ] || die "--engine needs a name"; engine=$2; forward+=("$1" "$2"); shift ;;
    --engine=*) engine=${1#--engine=}; forward+=("$1") ;;
    *) forward+=("$1") ;;
    esac
    shift
done

set_up
if [ "$setup_only" = yes ]; then
    say "set up; start with ./run.sh, or see it work with ./run.sh --check"
    exit 0
fi
export TONEWATCH_ROOT=$root
exec "$venv/bin/tonewatch-suite" up "${forward[@]}"
