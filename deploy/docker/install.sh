#!/bin/sh
# Fills the virtual environment of an image, in two steps so that code changes do not re-install the rest:
#   install.sh dependencies shared services/ingest   what they need from outside, pinned by constraints.txt
#   install.sh code shared services/ingest           the distributions of this repository themselves
set -eu
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1
environment=/opt/tonewatch
step=$1
shift

# the build backend is installed beside the environment, not in it: the final image does not get it
into_environment() { python3 -m pip --python "$environment" install "$@"; }

case $step in
dependencies)
    [ -d "$environment" ] || python3 -m venv --without-pip "$environment"
    python3 -c 'import hatchling' 2>/dev/null || python3 -m pip install hatchling
    python3 deploy/docker/requirements.py "$@" >requirements.txt
    # an empty TORCH_INDEX leaves torch to the default index, which serves the CUDA build
    PIP_EXTRA_INDEX_URL=${TORCH_INDEX:-} into_environment -r requirements.txt -c constraints.txt
    ;;
code)
    for folder in "$@"; do
        python3 -m pip wheel --no-deps --no-build-isolation --wheel-dir wheels "./$folder"
    done
    into_environment --no-deps --no-index wheels/*.whl
    ;;
*)
    echo "install.sh: unknown step '$step'" >&2
    exit 2
    ;;
esac
