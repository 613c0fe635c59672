#!/usr/bin/env bash
# Makes the image `dockyard` from target/release, with docker, podman or buildah, whichever is there.
#   image.sh [--tag NAME:TAG] [--engine docker|podman|buildah]
#   image.sh --files DIR      only lays out what goes into it
#   image.sh --bundle         lays out target/bundle, from which Elastic Beanstalk builds it (docs/deploy-aws.md)
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'image: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

authorities=/etc/ssl/certs/ca-certificates.crt
programs=${DOCKYARD_BIN_DIR:-target/release}

lay_out() { # folder
  rm -rf "$1"
  install -d "$1/data" "$1/system/usr/bin" "$1/system/etc/ssl/certs"
  for program in dockyard mydocker; do
    [ -x "$programs/$program" ] || die "$programs/$program is missing: make build"
    install -m 755 "$programs/$program" "$1/system/usr/bin/"
  done
  [ -e "$authorities" ] || die "$authorities is missing: install ca-certificates"
  install -m 644 "$authorities" "$1/system$authorities"
  echo 'dockyard:x:65532:65532:Dockyard:/data:/sbin/nologin' >"$1/system/etc/passwd"
  echo 'dockyard:x:65532:' >"$1/system/etc/group"
}

# The last stage of the Dockerfile, with the files from here instead of from the stage before.
write_dockerfile() { # folder
  sed -n '/^FROM scratch$/,$p' Dockerfile | sed 's|--from=build \(.*\)/out/|\1|' >"$1/Dockerfile"
}

tag=dockyard:latest
engine=
while [ $# -gt 0 ]; do
  case $1 in
    --files) lay_out "$2"; exit ;;
    --bundle)
      lay_out target/bundle
      write_dockerfile target/bundle
      cp infrastructure/bundle/docker-compose.yml target/bundle/
      install -D -m 644 infrastructure/bundle/rds-ca.pem target/bundle/system/etc/dockyard/rds-ca.pem
      # An archive holds no empty folder.
      touch target/bundle/data/.keep
      say 'laid out target/bundle'
      exit
      ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit ;;
    --tag) tag=$2; shift 2 ;;
    --engine) engine=$2; shift 2 ;;
    *) die "unknown argument $1" ;;
  esac
done

lay_out target/image
write_dockerfile target/image
if [ -z "$engine" ]; then
  for engine in docker podman buildah; do
    if command -v "$engine" >/dev/null; then break; fi
  done
fi
case $engine in
  docker) docker build --tag "$tag" target/image ;;
  podman | buildah) "$engine" build --format docker --tag "$tag" target/image ;;
  *) die "unknown engine $engine: docker, podman or buildah" ;;
esac
say "made $tag"
