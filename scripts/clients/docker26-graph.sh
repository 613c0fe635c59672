#!/usr/bin/env bash
# docker 26 with its own image store (overlay2) against the registry door.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_engines docker26-graph
. "$here/docker-walk.sh"
