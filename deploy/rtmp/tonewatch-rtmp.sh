#!/bin/sh
# Entry point of the rtmp image: `run` renders the configuration and becomes nginx; `healthcheck` knocks at its port.
set -eu
run_dir=${RUN_DIR:-/tmp/rtmp}
RTMP_PORT=${RTMP_PORT:-1935}
CALLBACK_PORT=${CALLBACK_PORT:-8935}
INGEST_URL=${INGEST_URL:-http://ingest:8080}
# the container's own name server: an address of ingest is asked for again when it changes
RESOLVER=${RESOLVER:-$(awk '$1 == "nameserver" { print ($2 ~ /:/ ? "[" $2 "]" : $2); exit }' /etc/resolv.conf)}

# render FILE NAME=VALUE...: replace ${NAME} by VALUE
render() {
    file=$1
    shift
    program=
    for pair in "$@"; do
        program="$program;s|\${${pair%%=*}}|${pair#*=}|g"
    done
    sed -e "${program#;}" "$file"
}

case ${1:-run} in
run)
    mkdir -p "$run_dir"
    # nginx-rtmp looks a callback's host up once, at its start; so it calls this nginx, which looks ingest up again
    render /etc/tonewatch/nginx.conf.template "RTMP_LISTEN=$RTMP_PORT" "INGEST_URL=http://127.0.0.1:$CALLBACK_PORT" \
        "NGINX_RTMP_MODULE=/usr/lib/nginx/modules/ngx_rtmp_module.so" "NGINX_PID=$run_dir/nginx.pid" \
        "NGINX_ERROR_LOG=stderr" >"$run_dir/nginx.conf"
    render /etc/tonewatch/callbacks.conf.template "RESOLVER=$RESOLVER" "INGEST_URL=$INGEST_URL" \
        "CALLBACK_PORT=$CALLBACK_PORT" "RUN_DIR=$run_dir" >>"$run_dir/nginx.conf"
    if grep -v '^ *#' "$run_dir/nginx.conf" | grep '[$]{'; then
        echo "tonewatch-rtmp: the lines above want values that this image does not know" >&2
        exit 2
    fi
    exec nginx -p "$run_dir" -c "$run_dir/nginx.conf" -e stderr
    ;;
healthcheck)
    exec bash -c "exec 3<>/dev/tcp/127.0.0.1/$RTMP_PORT"
    ;;
*)
    exec "$@"
    ;;
esac
