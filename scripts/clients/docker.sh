#!/usr/bin/env bash
# The docker client and engine of this system's packages against the registry door.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# The package's own command line, of the same release as the engine, also where another one is there.
export PATH=/usr/bin:$PATH
use_engines docker
. "$here/docker-walk.sh"
