#!/usr/bin/env bash
# mydocker with docker as its engine.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
use_engines docker
engine=docker
. "$here/mydocker-walk.sh"

# --- an engine before zstd

check 'skopeo makes an image with zstd layers' bash -c 'python3 "$0" tarball "$1/plain.tar" --name alice/zstd:v1 >"$1/id" &&
  skopeo copy --quiet --insecure-policy --dest-compress --dest-compress-format zstd "docker-archive:$1/plain.tar" "oci-archive:$1/zstd.tar:v1"' \
  "$here/make_image.py" "$work"
check 'mydocker push of it' mydocker push --file "$work/zstd.tar" alice/zstd:v1
check 'mydocker pull into docker 20' mydocker pull alice/zstd:v1
equal 'it is that image' "$(registry_config alice/zstd v1 | sed 's/^sha256://')" "$(image_id alice/zstd:v1)"
check 'it runs' docker run --rm --network none alice/zstd:v1 /bin/echo 'it runs'
check 'a tarball for docker 20' mydocker pull alice/zstd:v1 --compat docker20 --output "$work/old.tar"
check 'docker 20 loads it' docker load --input "$work/old.tar"

# --- an engine behind TLS, and one that a context names

authority engines
certificate engines engine -days 2
certificate engines me -days 2
: >"$work/front"
python3 "$here/tls_front.py" "${DOCKER_HOST#unix://}" "$work/engine.pem" "$work/engine.key" "$work/engines.pem" >"$work/front" 2>/dev/null &
front=$!
started "$work/front"
far=tcp://127.0.0.1:${line% *}
mkdir "$work/certificates"
cp "$work/engines.pem" "$work/certificates/ca.pem"
cp "$work/me.pem" "$work/certificates/cert.pem"
cp "$work/me.key" "$work/certificates/key.pem"
check 'docker itself reaches it' env DOCKER_HOST="$far" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$work/certificates" docker version
check 'mydocker push from an engine behind TLS' env DOCKER_HOST="$far" DOCKER_TLS_VERIFY=1 \
  DOCKER_CERT_PATH="$work/certificates" mydocker push alice/zstd:v1
code 'without its certificates' 1 env DOCKER_HOST="$far" DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$work/none" mydocker push alice/zstd:v1
code 'without TLS' 1 env DOCKER_HOST="$far" mydocker push alice/zstd:v1
check 'a context with these certificates' docker context create far --docker \
  "host=$far,ca=$work/certificates/ca.pem,cert=$work/certificates/cert.pem,key=$work/certificates/key.pem"
check 'mydocker pull into the engine of a context' env -u DOCKER_HOST DOCKER_CONTEXT=far mydocker pull alice/zstd:v1
check 'docker context use' env -u DOCKER_HOST docker context use far
check 'mydocker pull into the engine of the context in use' env -u DOCKER_HOST mydocker pull alice/zstd:v1
code 'a context that is not there' 1 env -u DOCKER_HOST DOCKER_CONTEXT=nowhere mydocker pull alice/zstd:v1
code 'an engine over ssh' 1 env DOCKER_HOST=ssh://me@far mydocker push alice/zstd:v1
says 'says what to do' 'docker save IMAGE \| mydocker push --file - IMAGE$'
kill "$front"
