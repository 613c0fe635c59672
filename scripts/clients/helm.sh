#!/usr/bin/env bash
# Helm's own registry client (its SDK, as a Python package) against the registry door: charts.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_server
sign_up alice 'correct horse battery'
sign_up bob 'staple correct horse'

use_python
cd "$work" || exit
as_nobody() { "$python" "$here/helm_client.py" "$registry" "$@"; }
as_user() { # user, password, command...
  local user=$1 password=$2
  shift 2
  HELM_USER=$user HELM_PASSWORD=$password as_nobody "$@"
}
as_alice() { as_user alice 'correct horse battery' "$@"; }
as_bob() { as_user bob 'staple correct horse' "$@"; }
export -f as_nobody as_user as_alice as_bob
export here python registry

chart() { # name, version: a chart of that name in a folder of that name
  mkdir -p "$1/templates"
  printf 'apiVersion: v2\nname: %s\nversion: %s\ndescription: A lighthouse\n' "$1" "$2" >"$1/Chart.yaml"
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n' "$1" >"$1/templates/map.yaml"
  head -c 100000 /dev/urandom | base64 >"$1/README.md"
}

refuse 'a wrong password is refused' as_user alice 'not the password' tags alice/lamp
says 'the refusal says so' 'unauthorized|authenticat|401|denied'
chart lamp 1.2.3
check 'a chart is packaged' as_nobody package lamp .
check 'helm push' as_alice push lamp-1.2.3.tgz alice
check 'helm pull' as_alice pull alice/lamp 1.2.3 out
check 'the chart is the same, byte for byte' cmp lamp-1.2.3.tgz out/lamp-1.2.3.tgz
check 'the version is resolved' as_alice resolve alice/lamp:1.2.3
registry_manifest alice/lamp 1.2.3 "$work/manifest.json" || fail 'the manifest can be read' "$body"
equal 'to the digest of the manifest' "$(tail -n 1 "$output")" "sha256:$(sha256sum <"$work/manifest.json" | cut -d' ' -f1)"
equal 'its configuration is that of a chart' application/vnd.cncf.helm.config.v1+json "$(field "$work/manifest.json" config.mediaType)"
equal 'its layer is the chart itself' "sha256:$(sha256sum <lamp-1.2.3.tgz | cut -d' ' -f1)" "$(field "$work/manifest.json" layers.0.digest)"
# A build number: Helm writes a + of a version as _ in the tag.
chart lamp 1.3.0+build.7
check 'another version is packaged' as_nobody package lamp .
check 'a version with a build number is pushed' as_alice push lamp-1.3.0+build.7.tgz alice
check 'it is pulled' as_alice pull alice/lamp 1.3.0+build.7 out
check 'it is the same, byte for byte' cmp lamp-1.3.0+build.7.tgz out/lamp-1.3.0+build.7.tgz
check 'the versions are listed' as_alice tags alice/lamp
equal 'both are there, newest first' '1.3.0+build.7 1.2.3' "$(tr '\n' ' ' <"$output" | sed 's/ $//')"

check 'a stranger pulls the public chart' as_nobody pull alice/lamp 1.2.3 out-of-stranger
check 'it is the same for a stranger' cmp lamp-1.2.3.tgz out-of-stranger/lamp-1.2.3.tgz
refuse 'a stranger cannot push' as_nobody push lamp-1.2.3.tgz alice
says 'the refusal of the push says why' 'denied|unauthorized|authenticat|401'
refuse "alice cannot push to bob's namespace" as_alice push lamp-1.2.3.tgz bob
says 'the refusal names the reason' 'denied|unauthorized|authenticat|401|403'
refuse 'a version that is not there cannot be pulled' as_alice pull alice/lamp 9.9.9 out
says 'the answer says that it is not there' 'not found|unknown|404'

chart secret 1.0.0
as_nobody package secret . >"$output" 2>&1
create_repository alice/secret private -u 'alice:correct horse battery'
check 'helm push to a private repository' as_alice push secret-1.0.0.tgz alice
check 'the owner pulls it' as_alice pull alice/secret 1.0.0 out
refuse 'another user cannot pull it' as_bob pull alice/secret 1.0.0 out-of-bob
refuse 'a stranger cannot pull it' as_nobody pull alice/secret 1.0.0 out-of-stranger
says 'the refusal of the pull is clear' 'denied|unauthorized|authenticat|not found|401|404'
refuse 'and is left with no file' test -e out-of-stranger/secret-1.0.0.tgz
