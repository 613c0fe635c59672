#!/usr/bin/env bash
# The oras package for Python against the registry door: artifacts, and artifacts about artifacts.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_server
sign_up alice 'correct horse battery'
sign_up bob 'staple correct horse'

use_python
cd "$work" || exit
as_nobody() { "$python" "$here/oras_client.py" "$registry" "$@" 2>"$work/oras.log"; }
as_user() { # user, password, command...
  local user=$1 password=$2
  shift 2
  ORAS_USER=$user ORAS_SECRET=$password as_nobody "$@"
}
# A personal token stands in for the password: it is sent with each request.
token=$(new_token alice 'correct horse battery')
as_alice() { as_user alice "$token" "$@"; }
as_bob() { as_user bob 'staple correct horse' "$@"; }
loud() { "$@" || { cat "$work/oras.log"; return 1; }; } # with the package's own log when it fails
export -f as_nobody as_user as_alice as_bob
export here python registry token work
no='unauthorized|forbidden|denied|authenticat|may not' # how a refusal reads, whoever words it
sha256_of() { printf 'sha256:%s' "$(sha256sum <"$1" | cut -d' ' -f1)"; }

# --- an artifact

mkdir -p in
head -c 3000000 /dev/urandom >in/data.bin
echo 'keep dry' >in/note.txt
: >in/nothing
refuse 'a wrong password is refused' loud as_user alice 'not the password' push alice/artifact:v1 in/data.bin
says 'the refusal says so' "$no"
check 'oras push' loud as_alice push alice/artifact:v1 in/data.bin in/note.txt in/nothing
digest=$(tail -n 1 "$output")
registry_manifest alice/artifact v1 "$work/manifest.json" || fail 'the manifest can be read' "$body"
equal 'the digest is that of the manifest' "$digest" "$(sha256_of "$work/manifest.json")"
equal 'it names each file as it is' "$(sha256_of in/data.bin) $(sha256_of in/note.txt) $(sha256_of in/nothing)" \
  "$(field "$work/manifest.json" layers.0.digest) $(field "$work/manifest.json" layers.1.digest) $(field "$work/manifest.json" layers.2.digest)"
check 'oras pull' loud as_alice pull alice/artifact:v1 out
check 'the files are the same' diff -r in out
check 'a stranger pulls it' loud as_nobody pull alice/artifact:v1 out-of-stranger
check 'the files are the same for a stranger' diff -r in out-of-stranger
refuse 'a stranger cannot push' loud as_nobody push alice/artifact:v2 in/note.txt
says 'the refusal of the push says why' "$no"

# --- one about it

echo 'signed by alice' >in/signature.txt
check 'an artifact about it is attached' loud as_alice attach alice/artifact:signature v1 in/signature.txt
attached=$(tail -n 1 "$output")
check 'the referrers are listed' loud as_alice referrers alice/artifact "$digest"
equal 'the attached one is listed' "$attached" "$(head -n 1 "$output")"
check 'a stranger lists them too' loud as_nobody referrers alice/artifact "$digest"
equal 'and sees the same' "$attached" "$(head -n 1 "$output")"
check 'they are listed by type' loud as_alice referrers alice/artifact "$digest" application/vnd.example.note
equal 'the type finds it' "$attached" "$(head -n 1 "$output")"
check 'another type is asked for' loud as_alice referrers alice/artifact "$digest" application/vnd.example.other
equal 'it finds none' none "$(head -n 1 "$output" | grep . || echo none)"
check 'the attached one is pulled' loud as_alice pull alice/artifact:signature signature
check 'it is the same' cmp in/signature.txt signature/signature.txt
check 'an artifact with no files is attached to nothing' loud as_alice push alice/bare:v1
check 'it is pulled' loud as_alice pull alice/bare:v1 bare
check 'the tags are listed' loud as_alice tags alice/artifact
says 'both are there' '^signature$'
check 'the attached one is deleted' loud as_alice delete alice/artifact:signature
check 'the referrers are listed again' loud as_alice referrers alice/artifact "$digest"
equal 'none is left' none "$(head -n 1 "$output" | grep . || echo none)"

# --- a private one

create_repository alice/secret private -u 'alice:correct horse battery'
check 'oras push to a private repository' loud as_alice push alice/secret:v1 in/note.txt
check 'the owner pulls it' loud as_alice pull alice/secret:v1 secret
refuse 'another user cannot pull it' loud as_bob pull alice/secret:v1 secret-of-bob
says 'the refusal says why' "$no|not found"
refuse "alice cannot push to bob's namespace" loud as_alice push bob/artifact:v1 in/note.txt
says 'the refusal names the reason' "$no"
refuse 'a stranger cannot pull the private one' loud as_nobody pull alice/secret:v1 secret-of-stranger
says 'the refusal of the pull is clear' "$no|not found"
refuse 'and is left with no file' test -e secret-of-stranger/note.txt
