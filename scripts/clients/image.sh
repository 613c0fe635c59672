#!/usr/bin/env bash
# Dockyard in its image: built, run as compose.small.yaml and compose.yaml do, pushed to and pulled from. The images that
# compose.yaml takes from elsewhere are made here, from this machine's MariaDB and SeaweedFS.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export PATH=/usr/bin:$PATH
use_engines docker podman
use_python
export DOCKYARD_BIN_DIR=$programs

check 'hadolint finds nothing in the Dockerfile' "${python%/*}/hadolint" "$top/Dockerfile"
check 'docker builds the image' "$top/scripts/image.sh" --engine docker --tag dockyard:test
size=$(docker image inspect --format '{{.Size}}' dockyard:test)
if [ "${size:-0}" -gt 1000000 ] && [ "$size" -lt 80000000 ]; then ok "it has less than 80 MB ($size bytes)"
else fail 'it has less than 80 MB' "$size"; fi
equal 'it runs as nobody in particular' 65532:65532 "$(docker image inspect --format '{{.Config.User}}' dockyard:test)"
check 'it holds mydocker too' docker run --rm --network none --entrypoint /usr/bin/mydocker dockyard:test --version
equal 'it holds no shell' 127 "$(docker run --rm --network none --entrypoint /bin/sh dockyard:test >"$output" 2>&1; echo $?)"

# --- compose --------------------------------------------------------------------------------------

project=dockyard-$$
printf 'DOCKYARD_IMAGE=dockyard:test\nDATABASE_PASSWORD=secret-of-the-database\nSTORE_ACCESS_KEY=access-key\nSTORE_SECRET_KEY=secret-of-the-store\n' >"$work/env"
compose() { # file, arguments...
  local file=$1
  shift
  # No setting of the caller's may reach it.
  (
    for name in $(compgen -e DOCKYARD_); do unset "$name"; done
    cd "$top" && docker-compose --project-name "$project" --env-file "$work/env" --file "$top/$file" "$@"
  )
}
export -f compose
export top project work
take_down() { compose "$1" down --volumes --timeout 20 >"$output" 2>&1 || fail "$1 goes down" "$output"; }
leave() {
  compose compose.yaml down --volumes --timeout 1 >/dev/null 2>&1
  compose compose.small.yaml down --volumes --timeout 1 >/dev/null 2>&1
  docker rmi -f mariadb:10.11 chrislusf/seaweedfs:4.48 >/dev/null 2>&1
}
# Before lib.sh takes everything away.
trap 'status=$?; leave; (exit $status); finish' EXIT

health_of() { docker inspect --format '{{.State.Health.Status}}' "${project}_dockyard_1" 2>/dev/null; }
until_healthy() {
  for _ in $(seq 1 120); do
    [ "$(health_of)" = healthy ] && return
    sleep 0.5
  done
  docker logs "${project}_dockyard_1" 2>&1 | tail -n 5
  return 1
}
export -f until_healthy health_of
# No port is published without a firewall: the container is asked on its own address.
find_server() {
  registry=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "${project}_dockyard_1"):3000
  server=http://$registry
}
walk() { # what it is about
  find_server
  sign_up alice 'correct horse battery'
  check "skopeo pushes to $1" skopeo copy --dest-tls-verify=false --dest-creds 'alice:correct horse battery' \
    "docker-archive:$work/image.tar:alice/app:v1" "docker://$registry/alice/app:v1"
  check "it starts anew with its data" compose "$1" restart --timeout 20 dockyard
  check 'and is healthy again' until_healthy
  find_server
  check "skopeo pulls from $1" skopeo copy --src-tls-verify=false --src-creds 'alice:correct horse battery' \
    "docker://$registry/alice/app:v1" "oci:$work/$1.copy:v1"
}
python3 "$here/make_image.py" tarball "$work/image.tar" --mib 20 --name alice/app:v1 >/dev/null

check 'compose.small.yaml comes up' compose compose.small.yaml up --detach
check 'it becomes healthy, as the program itself finds' until_healthy
walk compose.small.yaml
refuse 'nothing but the data can be written' docker exec "${project}_dockyard_1" /usr/bin/dockyard serve --listen 127.0.0.1:0 --data-dir /elsewhere
says 'it is the file system that says so' 'read-only file system'
take_down compose.small.yaml

# --- with MariaDB and a bucket ----------------------------------------------------------------------

# Says where the official image keeps its data, how it is set up, and how it tells that it is ready.
mkdir -p "$work/mariadb" "$work/weed"
cat >"$work/mariadb/entrypoint" <<'END'
#!/bin/bash
set -e
export PATH=$PATH:/usr/sbin
mkdir -p /run/mysqld && chown mysql /run/mysqld /var/lib/mysql
if [ ! -e /var/lib/mysql/mysql ]; then
  mariadb-install-db --no-defaults --user=mysql --datadir=/var/lib/mysql --skip-test-db >/dev/null
  printf "CREATE DATABASE %s;\nCREATE USER '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON %s.* TO '%s'@'%%';\n" \
    "$MARIADB_DATABASE" "$MARIADB_USER" "$MARIADB_PASSWORD" "$MARIADB_DATABASE" "$MARIADB_USER" >/tmp/init.sql
fi
[ ! -e /tmp/init.sql ] || first=--init-file=/tmp/init.sql
exec mariadbd --no-defaults --user=mysql --datadir=/var/lib/mysql --socket=/run/mysqld/s --bind-address=0.0.0.0 $first
END
printf '#!/bin/bash\nexec mariadb-admin --no-defaults --socket=/run/mysqld/s ping\n' >"$work/mariadb/healthcheck.sh"
chmod 755 "$work"/mariadb/*
# This machine's program with what it loads, on the base that the engine has.
(
  cd "$work/mariadb" && mkdir root
  programs=(/usr/sbin/mariadbd /usr/bin/mariadb-install-db /usr/bin/mariadb-admin /usr/bin/my_print_defaults /usr/bin/resolveip)
  libraries=$(ldd /usr/sbin/mariadbd /usr/bin/mariadb-admin | awk '$3 ~ /^\// {print $3}' | sort -u)
  # shellcheck disable=SC2086  # a list of paths
  tar --create --dereference "${programs[@]}" $libraries /usr/share/mysql 2>/dev/null | tar --extract --directory root
  cp -a root/lib/. root/usr/lib/ && rm -rf root/lib && cp entrypoint root/usr/sbin/entrypoint && cp healthcheck.sh root/usr/bin/
  printf 'FROM ubuntu:latest\nCOPY root/ /\nRUN useradd --system mysql\nVOLUME /var/lib/mysql\nENTRYPOINT ["/usr/sbin/entrypoint"]\n' >Dockerfile
  docker build --network none --tag mariadb:10.11 .
) >"$output" 2>&1 || fail 'an image of MariaDB is made' "$output"
(
  cd "$work/weed" && cp "${python%/*}/weed" . && cp /bin/busybox wget
  printf 'FROM ubuntu:latest\nCOPY weed wget /usr/bin/\nVOLUME /data\nENTRYPOINT ["/usr/bin/weed", "-logtostderr=true"]\n' >Dockerfile
  docker build --network none --tag chrislusf/seaweedfs:4.48 .
) >"$output" 2>&1 || fail 'an image of SeaweedFS is made' "$output"

: >"$work/empty"
refuse 'without its secrets compose.yaml says which are missing' bash -c \
  'cd "$top" && docker-compose --env-file "$work/empty" --file compose.yaml config'
says 'it names one' 'set it in .env'
check 'compose.yaml comes up: server, MariaDB, bucket' compose compose.yaml up --detach
check 'it becomes healthy' until_healthy
walk compose.yaml
equal 'the tags are in MariaDB' 1 "$(docker exec "${project}_mariadb_1" sh -c 'test -e /var/lib/mysql/dockyard/tags.ibd && echo 1')"
check 'the blobs are in the bucket, not beside the index' bash -c \
  "! docker run --rm --network none --volume ${project}_index:/data:ro ubuntu:latest test -e /data/blobs"
check 'without the database' docker stop --time 10 "${project}_mariadb_1"
for _ in $(seq 1 60); do
  http GET /readyz
  [ "$status" != 503 ] || break
  sleep 0.5
done
answered 'it is not ready' 503
equal 'and says so to the health command' 1 "$(docker exec "${project}_dockyard_1" /usr/bin/dockyard health >"$output" 2>&1; echo $?)"
says 'with the reason' 'not ready: the database'
check 'the database comes back' docker start "${project}_mariadb_1"
check 'and so does the server, by itself' until_healthy
http GET /api/v1/repositories/alice/app/-/tags -u 'alice:correct horse battery'
answered 'nothing is lost' 200
take_down compose.yaml

# --- podman ---------------------------------------------------------------------------------------

check 'podman builds it too' "$top/scripts/image.sh" --engine podman --tag localhost/dockyard:test
port=$(free_port)
server=http://127.0.0.1:$port
podman run --detach --name dockyard-test --read-only --network host --env DOCKYARD_LISTEN="127.0.0.1:$port" \
  localhost/dockyard:test >"$output" 2>&1 || fail 'podman runs it' "$output"
for _ in $(seq 1 100); do
  curl -sf -m 2 -o /dev/null "$server/readyz" && break
  sleep 0.1
done
http GET /readyz
answered 'podman runs it, with nothing but the data to write to' 200
podman rm --force --volumes dockyard-test >/dev/null 2>&1
podman rmi --force localhost/dockyard:test >/dev/null 2>&1
