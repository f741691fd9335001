#!/bin/sh
# Has the alert rules read again, and says what came of it: exit status 0 if they are in force, 2 if they were refused.
#   deploy/reload_alerts.sh          every alerting container of this folder's Compose project; without one, the
#                                    alerting that ./run.sh started
#   deploy/reload_alerts.sh URL...   the alerting services at these addresses, such as http://127.0.0.1:8081
# The services' own token is shown to those: TONEWATCH_TOKEN, TONEWATCH_TOKEN_FILE, or that of ./run.sh (data/token).
set -eu
here=$(cd "$(dirname "$0")" && pwd)

containers() {
    command -v docker >/dev/null 2>&1 || return 0
    docker compose --project-directory "$here" -f "$here/docker-compose.yml" ps -q alerting 2>/dev/null || true
}

outcome=0
if [ $# -eq 0 ]; then
    found=$(containers)
    for container in $found; do
        docker exec "$container" tonewatch-alerting reload || outcome=$?
    done
    [ -z "$found" ] || exit "$outcome"
    set -- "http://127.0.0.1:${ALERTING_PORT:-8081}"
fi
# what the services show each other; ./run.sh keeps it in its data folder
kept=$here/../data/token
if [ -z "${TONEWATCH_TOKEN:-}${TONEWATCH_TOKEN_FILE:-}" ] && [ -f "$kept" ]; then
    export TONEWATCH_TOKEN_FILE="$kept"
fi
program=$here/../.venv/bin/tonewatch-alerting
[ -x "$program" ] || program=tonewatch-alerting
for url in "$@"; do
    "$program" reload --url "$url" || outcome=$?
done
exit "$outcome"
