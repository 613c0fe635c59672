#!/usr/bin/env bash
# The released programs, shortly: they start, take an image and give it back, and serve pages with the assets inside them.
# Everything else is tested on a build that compiles sooner.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Another folder than the one they were built in, and nothing beside them.
mkdir "$work/programs"
cp "$programs/dockyard" "$programs/mydocker" "$work/programs/"
programs=$work/programs
dockyard=$programs/dockyard

refuse 'dockyard needs no shared libraries' bash -c 'ldd "$0" 2>&1 | grep -q "=>"' "$dockyard"
refuse 'nor does mydocker' bash -c 'ldd "$0" 2>&1 | grep -q "=>"' "$programs/mydocker"
check 'dockyard says its version' "$dockyard" --version
start_server
http GET /readyz
answered 'the server is ready' 200
sign_up alice 'correct horse battery'

python3 "$here/make_image.py" tarball "$work/image.tar" --mib 8 --name alice/app:v1 >"$work/id"
my=("$programs/mydocker" --server "$server")
login() { "${my[@]}" login --username alice --password-stdin <<<'correct horse battery'; }
if login >"$output" 2>&1; then ok 'mydocker logs in'; else fail 'mydocker logs in' "$output"; fi
check 'mydocker pushes an image' "${my[@]}" push --file "$work/image.tar" alice/app:v1
check 'mydocker pulls it' "${my[@]}" pull --output "$work/pulled.tar" alice/app:v1
equal 'it is the image that was pushed' "$(cat "$work/id")" "$(registry_config alice/app v1)"
check 'skopeo pulls it too' skopeo copy --src-tls-verify=false --src-creds 'alice:correct horse battery' \
  "docker://$registry/alice/app:v1" "oci:$work/oci:v1"

http GET /r/alice/app
answered 'its page is served' 200
check 'with the name of the repository' grep -q 'alice/app' "$body"
wasm=$(grep -oE '/assets/dockyard-[0-9a-f]+\.wasm' "$body" | head -n 1)
http GET "$wasm" -H 'accept-encoding: br' -D "$work/head"
answered 'the browser half is inside the program' 200
check 'compressed beforehand' grep -qi '^content-encoding: br' "$work/head"
http GET /-/styleguide
answered 'nothing of the development build is in it' 404

check 'a backup is made' "$dockyard" admin backup --data-dir "$data" "$work/backup"
stop_server
check 'the data is whole' "$dockyard" admin verify --data-dir "$data"
for url in postgres://127.0.0.1:1/x mysql://127.0.0.1:1/x; do
  refuse "it knows ${url%%:*}" timeout 60 "$dockyard" admin verify --data-dir "$data" --database-url "$url"
  says 'and says what it could not reach' "can't use (PostgreSQL|MariaDB) at 127.0.0.1:1"
done
refuse 'it knows buckets' timeout 60 env AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b \
  "$dockyard" admin verify --data-dir "$data" --bucket x --s3-endpoint http://127.0.0.1:1
says 'and says what it could not reach' 'store'
