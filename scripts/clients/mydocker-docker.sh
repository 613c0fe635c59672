#!/usr/bin/env bash
# mydocker with docker as its engine.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_engines docker
engine=docker
. "$here/mydocker-walk.sh"
