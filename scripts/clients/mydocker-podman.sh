#!/usr/bin/env bash
# mydocker with podman as its engine, through podman's docker-compatible socket.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_engines podman
engine=podman
export DOCKER_HOST=$PODMAN_SOCKET
. "$here/mydocker-walk.sh"
