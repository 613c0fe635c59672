#!/usr/bin/env bash
# containerd's own client against the registry door, over plain http.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_engines containerd
start_server
sign_up alice 'correct horse battery'
sign_up bob 'staple correct horse'
alice='alice:correct horse battery'

export CONTAINERD_NAMESPACE=dockyard-tests
images() { ctr images "$@"; }
pull() { images pull --plain-http "$@"; }
push() { images push --plain-http "$@"; }
export -f images # `pull` and `push` are run in a shell of their own
forget() { images rm --sync "$@" >/dev/null 2>&1; }
digest_of() { images ls "name==$1" 2>/dev/null | awk 'NR == 2 {print $3}'; }
layout_digest() { field "$1/index.json" manifests.0.digest; }

import() { # what, repository, arguments of make_image.py...: leaves its digest in $digest
  local what=$1 name=$2
  shift 2
  image=$registry/alice/$name:v1
  rm -rf "$work/layout"
  python3 "$here/make_image.py" "$@" "$work/layout" >/dev/null
  digest=$(layout_digest "$work/layout")
  tar -cf "$work/layout.tar" -C "$work/layout" .
  check "$what is imported" images import --no-unpack --all-platforms --base-name "$registry/alice/$name" "$work/layout.tar"
}
there_and_back() { # what: pushes and pulls $image, which has $digest
  check "$1 is pushed" push --user "$alice" "$image"
  forget "$image"
  check "$1 is pulled" pull --user "$alice" --all-platforms "$image"
  equal "$1 has the same digest" "$digest" "$(digest_of "$image")"
  forget "$image"
}

import 'an image' app oci --mib 5
refuse 'a wrong password is refused' push --user 'alice:not the password' "$image"
says 'the refusal says so' 'unauthorized|authoriz|401|403|denied'
there_and_back 'an image'
check 'a stranger pulls the public image' pull "$image"
equal 'it is the same image' "$digest" "$(digest_of "$image")"
# Under another tag: nothing is sent when the registry has the image under that one.
LIMIT_SECS=30 refuse 'a stranger cannot push' push "$registry/alice/app:theirs" "$image"
says 'the refusal of the push says why' 'denied|unauthorized|authoriz|401|403'
refuse "alice cannot push to bob's namespace" push --user "$alice" "$registry/bob/app:v1" "$image"
says 'the refusal names the reason' 'denied|unauthorized|authoriz|401|403'

create_repository alice/secret private -u "$alice"
secret=$registry/alice/secret:v1
check 'a push to a private repository' push --user "$alice" "$secret" "$image"
check 'the owner pulls it' pull --user "$alice" "$secret"
forget "$secret"
refuse 'a stranger cannot pull it' pull "$secret"
says 'the refusal of the pull is clear' 'denied|unauthorized|authoriz|not found|401|403'
refuse 'another user cannot pull it' pull --user 'bob:staple correct horse' "$secret"
forget "$image"

import 'an index' arches oci --platform linux/amd64 --platform linux/arm64
there_and_back 'an index'
import 'an image of 100 layers' many oci --layers 100
there_and_back 'an image of 100 layers'
import 'an image with an empty layer' empty oci --empty-layer
there_and_back 'an image with an empty layer'

# --- a client that tries https first

# Go's clients go back to http only when they are answered in http; a closed connection is no answer.
tls_hello() {
  python3 - "$port" <<'END'
import socket, ssl, sys
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
try:
    client.do_handshake()
except ssl.SSLWantReadError:
    pass
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10) as connection:
    connection.sendall(outgoing.read())
    answer = connection.recv(100).decode(errors="replace")
sys.exit("closed without a word") if not answer else print(answer.splitlines()[0])
END
}
export port
check 'a TLS hello on the plain port is answered' tls_hello
says 'the answer is HTTP/1.1 400' '^HTTP/1\.1 400'

# A newer client of this kind: told of TLS, it tries https first.
"$top/scripts/debian13.sh" prepare || fail 'the newer client is there'
check 'a client that tries https first pulls all the same' "$top/scripts/debian13.sh" /usr/bin/ctr --debug \
  images pull --skip-verify "$registry/alice/app:v1"
says 'it did try https first' 'try https first'
forget "$registry/alice/app:v1"
refuse 'a stranger cannot pull the private image' pull "$secret"
