# The walk of mydocker, sourced by mydocker-docker.sh and mydocker-podman.sh with the engine's
# command line in $engine.
# shellcheck shell=bash disable=SC2154,SC2016  # lib.sh sets them; inner shells expand

start_server
export MYDOCKER_SERVER=$server
unset MYDOCKER_TOKEN MYDOCKER_CONFIG
password='correct horse battery'

export PATH=$programs:$PATH XDG_CACHE_HOME=$work/cache
code() { # what, expected exit code (regular expression), command...: and an explanation on standard error
  local what=$1 expected=$2 got=0
  shift 2
  timeout 120 "$@" >"$work/stdout" 2>"$output" </dev/null || got=$?
  if [[ $got =~ ^($expected)$ ]] && [ "$(wc -w <"$output")" -ge 3 ]; then ok "$what (exit $got: $(head -n 1 "$output"))"
  else echo "(exit $got, expected $expected and an explanation)" >>"$output"; fail "$what" "$output"; fi
}
image_id() { "$engine" image inspect --format '{{.Id}}' "$1" 2>/dev/null | sed 's/^sha256://'; }

# --- an account, typed at a terminal as a person does

cat >"$work/type.py" <<'END'
"""Runs a program at a terminal of its own and answers its questions: type.py ANSWERS -- COMMAND."""
import os, pty, sys, time
at = sys.argv.index("--")
answers, command = sys.argv[1:at], sys.argv[at + 1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen, asked = b"", 0
until = time.time() + 60
while time.time() < until:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    # A question ends in a colon and a space and waits.
    if answers and seen[asked:].rstrip(b"\x1b[?2004h").endswith(b": "):
        asked = len(seen)
        time.sleep(0.2)
        os.write(terminal, answers.pop(0).encode() + b"\n")
else:
    os.kill(pid, 9)
sys.stdout.write(seen.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
check 'mydocker signup at a terminal' python3 "$work/type.py" alice "$password" "$password" -- mydocker signup
if grep -q "$password" "$output"; then fail 'the password is not shown' "$output"; else ok 'the password is not shown'; fi
equal 'the login is kept for nobody else to read' 600 "$(stat -c %a "$HOME/.mydocker.json" 2>/dev/null)"
if grep -q "$password" "$HOME/.mydocker.json"; then fail 'the password is not stored'; else ok 'the password is not stored'; fi
check 'mydocker whoami' mydocker whoami
says 'it names the user' 'alice'

# --- the walk

check 'tag' "$engine" tag ubuntu:latest alice/test-ubuntu:v1
check 'mydocker create test-ubuntu' mydocker create test-ubuntu --description 'Lighthouse keepers keep this'
check 'mydocker push' mydocker push alice/test-ubuntu:v1
id=$(image_id alice/test-ubuntu:v1)
check 'the same push again' mydocker push alice/test-ubuntu:v1
says 'it sends next to nothing' '^Sent [0-9.]+ (B|KiB) .*; [0-9.]+ MiB of layers were there already'
check 'rmi' "$engine" rmi alice/test-ubuntu:v1 ubuntu:latest
refuse 'the engine no longer has the image' "$engine" image inspect "$id"
check 'mydocker pull' mydocker pull alice/test-ubuntu:v1
check 'images' "$engine" images
says 'the image is listed' 'alice/test-ubuntu +v1 '
equal 'the image id is the one that was pushed' "$id" "$(image_id alice/test-ubuntu:v1)"
check 'the image runs' "$engine" run --rm --network none alice/test-ubuntu:v1 cat /etc/os-release
says 'it prints what is inside' 'PRETTY_NAME'
check 'a pull of what is already there' mydocker pull alice/test-ubuntu:v1

# --- tarballs

check 'mydocker pull --output' mydocker pull alice/test-ubuntu:v1 --output "$work/out.tar"
check 'it wrote a tar' tar -tf "$work/out.tar"
says 'with a manifest.json' '(^|/)manifest.json$'
check 'mydocker pull --output -' bash -c 'mydocker pull alice/test-ubuntu:v1 --output - >"$0"' "$work/stdout.tar"
check 'it is the same file' cmp "$work/out.tar" "$work/stdout.tar"
check 'mydocker push --file' mydocker push --file "$work/out.tar" alice/test-ubuntu:v2
says 'the layers in it are known' 'of layers were there already'
check 'mydocker push --file -' bash -c 'gzip -1 <"$0" | mydocker push --file - alice/test-ubuntu:v3' "$work/out.tar"
check "$engine save | mydocker push --file -" bash -c '"$1" save alice/test-ubuntu:v1 | mydocker push --file - alice/test-ubuntu:v4' _ "$engine"
"$engine" rmi -f "$id" >/dev/null 2>&1
check "mydocker pull --output - | $engine load" bash -c 'set -o pipefail; mydocker pull alice/test-ubuntu:v3 --output - | "$1" load' _ "$engine"
equal 'the image id has survived all doors' "$id" "$(image_id alice/test-ubuntu:v3)"

# --- looking around

check 'mydocker tags' mydocker tags alice/test-ubuntu
for tag in v1 v2 v3 v4; do says "it lists $tag" "\\b$tag\\b"; done
found() {
  for _ in $(seq 1 50); do
    attempt mydocker search "$@" && grep -q alice/test-ubuntu "$output" && return 0
    sleep 0.1
  done
  return 1
}
if found ubuntu; then ok 'mydocker search by a word of the name'; else fail 'mydocker search by a word of the name' "$output"; fi
if found lighthouse; then ok 'mydocker search by a word of the description'; else fail 'mydocker search by a word of the description' "$output"; fi
printf '# Beacon\n\nSeen from afar.\n' >"$work/README.md"
check 'mydocker describe' mydocker describe alice/test-ubuntu --readme "$work/README.md" --description 'Lamps of Alexandria'
check 'mydocker describe prints it' mydocker describe alice/test-ubuntu
says 'with the description' 'Lamps of Alexandria'
says 'and the README' 'Seen from afar'
code 'a README that is not there' 1 mydocker describe alice/test-ubuntu --readme "$work/none.md"
code 'a repository that is not there' 1 mydocker describe alice/none --description x
check 'mydocker create --private' mydocker create secret --private
check 'mydocker push to it' mydocker push --file "$work/out.tar" alice/secret:v1
says 'what is in another repository is known as well' 'of layers were there already'

check 'mydocker repos' mydocker repos
says 'it lists both' 'alice/secret \(private\)'
check 'mydocker repos --quiet' mydocker repos --quiet
equal 'names alone' 'alice/secret alice/test-ubuntu' "$(paste -sd' ' "$output")"
check 'mydocker tags --json' bash -c 'mydocker tags alice/test-ubuntu --json | python3 -c "import json,sys; print(sorted(t[\"name\"] for t in json.load(sys.stdin)))"'
says 'as JSON' "\['v1', 'v2', 'v3', 'v4'\]"
check 'mydocker push --quiet' mydocker push --quiet --file "$work/out.tar" alice/test-ubuntu:v5
says 'prints the digest alone' '^sha256:[0-9a-f]{64}$'
check 'mydocker delete a tag' mydocker delete --yes alice/test-ubuntu:v5
code 'and it is gone' 1 mydocker pull alice/test-ubuntu:v5 --output "$work/none.tar"
code 'deleting asks, and nobody is there' 1 mydocker delete alice/test-ubuntu:v4
check 'mydocker visibility' mydocker visibility alice/secret public
check 'and back' mydocker visibility alice/secret private
check 'mydocker token create' mydocker token create ci --reach read --days 1 --quiet
token=$(cat "$output")
check 'a token pulls' env MYDOCKER_TOKEN="$token" mydocker pull alice/secret:v1 --output "$work/by-token.tar"
code 'one that reads does not push' 1 env MYDOCKER_TOKEN="$token" mydocker push --file "$work/out.tar" alice/secret:v2
check 'mydocker token list' mydocker token list
says 'it is listed' ' ci +read '
check 'mydocker token revoke' mydocker token revoke "$(mydocker token list | awk '$2 == "ci" {print $1}')"
code 'a revoked token pulls nothing' 1 env MYDOCKER_TOKEN="$token" mydocker pull alice/secret:v1 --output "$work/none.tar"
check 'mydocker man' bash -c 'mydocker man | head -n 3'
for shell in bash zsh fish; do check "mydocker completions $shell" bash -c "mydocker completions $shell | head -n 3"; done
check 'completions are a script' bash -c 'mydocker completions bash | bash -n'

# --- what goes wrong says so

code 'an image that the engine does not have' 1 mydocker push alice/nothing-here:v1
code 'an image that the server does not have' 1 mydocker pull alice/test-ubuntu:nothing
code 'a name that is none' '1|2' mydocker pull 'alice/UPPER:v1'
code 'a repository name that is none' '1|2' mydocker create 'UPPER'
code 'a repository that exists' 1 mydocker create test-ubuntu
code 'a file that is not there' 1 mydocker push --file "$work/not-there.tar" alice/test-ubuntu:v9
head -c 100000 /dev/urandom >"$work/noise.tar"
code 'a file that is no image' 1 mydocker push --file "$work/noise.tar" alice/test-ubuntu:v9
code 'an engine that is not there' 1 env DOCKER_HOST="unix://$work/no.sock" mydocker pull alice/test-ubuntu:v1
code 'a server that is not there' 1 env MYDOCKER_SERVER=http://127.0.0.1:1 mydocker search ubuntu
code 'no command' 2 mydocker
code 'a command that is none' 2 mydocker fly
code 'an argument that is missing' 2 mydocker push
code 'a user name that is taken' 1 bash -c 'echo "another good password" | mydocker signup --username alice --password-stdin'
code 'a wrong password' 1 bash -c 'echo "not the password" | mydocker login --username alice --password-stdin'
check 'the login before is still good' mydocker whoami

check 'mydocker logout' mydocker logout
code 'whoami after logging out' 1 mydocker whoami
code 'a push after logging out' 1 mydocker push --file "$work/out.tar" alice/test-ubuntu:v9
code 'a stranger cannot pull the private image' 1 mydocker pull alice/secret:v1 --output "$work/secret.tar"
refuse 'and is left with no file' test -e "$work/secret.tar"
check 'a stranger pulls the public one' mydocker pull alice/test-ubuntu:v1 --output "$work/public.tar"
check 'mydocker login' bash -c 'echo "$0" | mydocker login --username alice --password-stdin' "$password"
check 'mydocker whoami after logging in' mydocker whoami
says 'it names the user again' 'alice'
if [ "$engine" = docker ]; then
  mkdir -p "$work/bin" && cp "$programs/mydocker" "$work/bin/"
  export PATH=$work/bin:$PATH DOCKER_CONFIG=$work/docker-config
  check 'mydocker login --docker' bash -c 'echo "$0" | mydocker login --docker --username alice --password-stdin' "$password"
  host=${server#http://}
  check 'tag for docker itself' docker tag alice/test-ubuntu:v3 "$host/alice/secret:by-docker"
  check 'docker push without docker login' docker push "$host/alice/secret:by-docker"
  check 'docker pull of what is private' docker pull "$host/alice/secret:by-docker"
  if grep -q dyp_ "$DOCKER_CONFIG/config.json"; then fail 'docker keeps no secret' "$DOCKER_CONFIG/config.json"; else ok 'docker keeps no secret'; fi
fi
