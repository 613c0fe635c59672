#!/usr/bin/env bash
# Throwaway servers for the tests, on loopback: PostgreSQL, MariaDB and SeaweedFS (S3).
#   servers.sh up [postgres] [mariadb] [s3]   start (all when nothing is named); no-op when running
#   servers.sh up cluster                     SeaweedFS as a master, three volume servers and a filer (S3)
#   servers.sh env                            print exports; use: eval "$(scripts/servers.sh env)"
#   servers.sh restart NAME                   stop one as its keeper would, and start it again on its data
#   servers.sh kill NAME                      end one with SIGKILL; `up` starts it again on its data
#   servers.sh down                           stop what `up` started, by process id, and remove the data
# SERVERS_SYNC=on writes through to the disk, as crash tests want. Needs root. Data: $SERVERS_ROOT.
set -uo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard
# Not below a home: the servers' own users must come through to it. Each checkout has its own.
root=${SERVERS_ROOT:-/var/tmp/dockyard-servers-$(cksum <<<"$scripts" | cut -d' ' -f1)}
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf 'servers: %s\n' "$*" >&2; }

if [ "$(id -u)" != 0 ] && [ "${1:-}" != env ]; then
  command -v sudo >/dev/null || { say 'the databases run as users of their own, which takes root, and there is no sudo'; exit 1; }
  exec sudo --preserve-env=HOME,PATH,XDG_CACHE_HOME,TMPDIR,SERVERS_ROOT,SERVERS_SYNC "$0" "$@"
fi

user=dockyard
password=loopback-only
access_key=AKIDLOOPBACK
secret_key=loopback-only-secret

# A port of loopback that nobody listens on, with the one 10,000 above it free as well.
free_port() {
  python3 - <<'EOF'
import random, socket
while True:
    port = random.randint(11000, 22000)
    try:
        for one in (port, port + 10000):
            with socket.socket() as s:
                s.bind(("127.0.0.1", one))
    except OSError:
        continue
    print(port)
    break
EOF
}

# The port of a server, the same until `down`.
port_of() { # name
  [ -s "$root/$1.port" ] || free_port >"$root/$1.port"
  cat "$root/$1.port"
}

# Alive means: the process is there and is still the program that was started. An unreaped zombie answers kill -0 too,
# but its command line is empty.
alive() { # name
  local pid
  pid=$(cat "$root/$1.pid" 2>/dev/null) && [ -n "$pid" ] &&
    grep -qa -- "$(program_of "$1")" "/proc/$pid/cmdline" 2>/dev/null
}

program_of() {
  case $1 in
    postgres) echo postgres ;;
    mariadb) echo mariadbd ;;
    s3 | cluster*) echo weed ;;
  esac
}

# At most a minute; gives up at once when the process is gone.
wait_for() { # name, command...
  local name=$1 turn
  shift
  for turn in $(seq 1 600); do
    "$@" >/dev/null 2>&1 && return 0
    [ "$turn" -lt 20 ] || alive "$name" || break
    sleep 0.1
  done
  say "$name did not start; the end of its log:"
  tail -n 10 "$root/$name.log" >&2
  return 1
}

# In the background, in its own session and in the folder $from (/ unless set), its pid kept.
start() { # name, command...
  local name=$1
  shift
  (
    # A store would take a client's credentials for its own.
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    cd "${from:-/}" || exit
    exec setsid bash -c 'echo $$ >"$1"; shift; exec "$@"' start "$root/$name.pid" "$@" \
      >>"$root/$name.log" 2>&1 </dev/null
  ) &
}

pg_bin() { # program
  command -v "$1" 2>/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" | sort -V | tail -n 1
}

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

up_postgres() {
  local data=$root/postgres port
  port=$(port_of postgres)
  if [ ! -e "$data/PG_VERSION" ]; then
    mkdir -p "$data" "$root/postgres-run"
    (umask 077 && printf '%s\n' "$password" >"$root/postgres-password")
    chown -R postgres:postgres "$data" "$root/postgres-run" "$root/postgres-password"
      as_postgres "$(pg_bin initdb)" -D "$data" -U $user --auth-local=trust --auth-host=scram-sha-256 \
      --encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=en --no-sync --pwfile="$root/postgres-password" \
      >"$root/postgres.log" 2>&1 || {
      tail -n 5 "$root/postgres.log" >&2
      return 1
    }
  fi
  start postgres setpriv --reuid=postgres --regid=postgres --init-groups "$(pg_bin postgres)" -D "$data" \
    -c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories="$root/postgres-run" \
    -c fsync="${SERVERS_SYNC:-off}" -c max_connections=400
  wait_for postgres as_postgres "$(pg_bin pg_isready)" -h 127.0.0.1 -p "$port" &&
    say "PostgreSQL on 127.0.0.1:$port"
}

up_mariadb() {
  local data=$root/mariadb port sync=0
  port=$(port_of mariadb)
  [ "${SERVERS_SYNC:-off}" = off ] || sync=1
  if [ ! -e "$data/mysql" ]; then
    mkdir -p "$data" "$root/mariadb-run"
    chown mysql:mysql "$data" "$root/mariadb-run"
    mariadb-install-db --no-defaults --user=mysql --datadir="$data" --auth-root-authentication-method=normal \
      --skip-test-db >"$root/mariadb.log" 2>&1 || {
      tail -n 5 "$root/mariadb.log" >&2
      return 1
    }
  fi
  start mariadb mariadbd --no-defaults --user=mysql --datadir="$data" --socket="$root/mariadb-run/s" \
    --pid-file="$root/mariadb-run/pid" --port="$port" --bind-address=127.0.0.1 --skip-log-bin \
    --innodb-flush-log-at-trx-commit="$sync" --max-connections=400 --character-set-server=utf8mb4 \
    --collation-server=utf8mb4_general_ci
  wait_for mariadb mariadb-admin --no-defaults --socket="$root/mariadb-run/s" -u root ping || return 1
  mariadb --no-defaults --socket="$root/mariadb-run/s" -u root -e \
    "CREATE USER IF NOT EXISTS '$user'@'127.0.0.1' IDENTIFIED BY '$password';
     GRANT ALL ON *.* TO '$user'@'127.0.0.1'" || return 1
  say "MariaDB on 127.0.0.1:$port"
}

write_s3_keys() {
  cat >"$root/s3.json" <<EOF
{"identities":[{"name":"dockyard","credentials":[{"accessKey":"$access_key","secretKey":"$secret_key"}],
"actions":["Admin","Read","Write","List","Tagging"]}]}
EOF
}

up_s3() {
  local data=$root/s3 port
  port=$(port_of s3)
  mkdir -p "$data"
  write_s3_keys
  start s3 "$cache/python-clients/bin/weed" -logtostderr=true server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir="$data" \
    -master.port="$(port_of s3-master)" -volume.port="$(port_of s3-volume)" \
    -filer -filer.port="$(port_of s3-filer)" -s3 -s3.port="$port" -s3.config="$root/s3.json" \
    -s3.port.iceberg=0 -s3.port.lance=0 -s3.iam=false -master.volumeSizeLimitMB=256 -volume.max=0 -master.telemetry=false
  wait_for s3 curl -sf -m 2 "http://127.0.0.1:$port/healthz" || return 1
  echo 's3.bucket.create -name dockyard' |
    timeout 30 "$cache/python-clients/bin/weed" shell -master="127.0.0.1:$(port_of s3-master)" \
      -filer="127.0.0.1:$(port_of s3-filer)" >>"$root/s3.log" 2>&1
  say "S3 on 127.0.0.1:$port"
}

# Of each object there are two copies, on two of the three volume servers.
up_cluster() {
  local weed=$cache/python-clients/bin/weed here=(-ip=127.0.0.1 -ip.bind=127.0.0.1) n
  local master
  master=127.0.0.1:$(port_of cluster-master)
  mkdir -p "$root"/cluster-{master,volume1,volume2,volume3,filer}
  write_s3_keys
  start cluster-master "$weed" -logtostderr=true master "${here[@]}" -port="${master##*:}" -mdir="$root/cluster-master" \
    -defaultReplication=001 -volumeSizeLimitMB=64 -telemetry=false
  for n in 1 2 3; do
    start cluster-volume$n "$weed" -logtostderr=true volume "${here[@]}" -port="$(port_of cluster-volume$n)" \
      -dir="$root/cluster-volume$n" -mserver="$master" -max=0
  done
  # Its store is a folder of where it starts, unless told otherwise.
  printf '[leveldb2]\nenabled = true\ndir = "%s"\n' "$root/cluster-filer" >"$root/filer.toml"
  from=$root start cluster-filer "$weed" -logtostderr=true filer "${here[@]}" -port="$(port_of cluster-filer)" \
    -master="$master" -defaultReplicaPlacement=001 \
    -s3 -s3.port="$(port_of cluster)" -s3.config="$root/s3.json" -s3.port.iceberg=0 -s3.port.lance=0 -s3.iam=false
  wait_for cluster-filer curl -sf -m 2 "http://127.0.0.1:$(port_of cluster)/healthz" || return 1
  echo 's3.bucket.create -name dockyard' |
    timeout 30 "$weed" shell -master="$master" -filer="127.0.0.1:$(port_of cluster-filer)" >>"$root/cluster-filer.log" 2>&1
  say "an S3 cluster on 127.0.0.1:$(port_of cluster)"
}

# With SIGKILL, as SeaweedFS takes half a minute to go otherwise.
stop() { # name, signal
  local pid
  if alive "$1"; then
    pid=$(cat "$root/$1.pid")
    kill -"$2" "$pid" 2>/dev/null
    for _ in $(seq 1 200); do
      alive "$1" || break
      sleep 0.05
    done
    if alive "$1"; then
      say "$1 did not stop in 10 s: killed"
      kill -KILL "$pid"
      sleep 0.2
    fi
  fi
  rm -f "$root/$1.pid"
}

signal_of() {
  case $1 in
    postgres) echo INT ;;
    mariadb) echo TERM ;;
    s3 | cluster*) echo KILL ;;
  esac
}

case ${1:-} in
  up)
    shift
    [ $# -gt 0 ] || set -- postgres mariadb s3
    mkdir -p "$root"
    chmod 755 "$root"
    for name in "$@"; do
      alive "$name" || "up_$name" || exit 1
    done
    ;;
  env)
    [ ! -e "$root/postgres.port" ] ||
      echo "export DOCKYARD_TEST_POSTGRES='postgres://$user:$password@127.0.0.1:$(port_of postgres)'"
    [ ! -e "$root/mariadb.port" ] ||
      echo "export DOCKYARD_TEST_MARIADB='mysql://$user:$password@127.0.0.1:$(port_of mariadb)'"
    [ ! -e "$root/cluster.port" ] || echo "export DOCKYARD_TEST_CLUSTER='http://127.0.0.1:$(port_of cluster)'"
    [ ! -e "$root/s3.port" ] || echo "export DOCKYARD_TEST_S3='http://127.0.0.1:$(port_of s3)'"
    [ ! -e "$root/s3.json" ] || {
      echo "export AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret_key AWS_REGION=us-east-1"
      echo 'export AWS_EC2_METADATA_DISABLED=true'
    }
    ;;
  restart)
    stop "$2" "$(signal_of "$2")"
    "up_$2"
    ;;
  kill) stop "$2" KILL ;;
  down)
    for name in postgres mariadb s3 cluster-filer cluster-volume{1,2,3} cluster-master; do
      stop "$name" "$(signal_of "$name")"
    done
    rm -rf "$root"
    ;;
  *)
    sed -n '2,10s/^# \{0,1\}//p' "$scripts/servers.sh"
    exit 2
    ;;
esac
