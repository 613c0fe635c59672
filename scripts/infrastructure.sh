#!/usr/bin/env bash
# Looks at infrastructure/ without touching AWS: form and settings (terraform, where there is one), names of blocks and
# arguments against the provider's schema, and checkov's rules.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

tools=${XDG_CACHE_HOME:-$HOME/.cache}/dockyard/infrastructure
status=0
try() { # what, command...
  local what=$1
  shift
  if "$@"; then echo "ok - $what"; else
    echo "FAIL - $what"
    status=1
  fi
}

cd infrastructure || exit
if command -v terraform >/dev/null; then
  # No settings of whoever runs it, and nothing from the network: the module has no provider.
  unset TF_CLI_CONFIG_FILE
  export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
  TF_DATA_DIR=$(mktemp -d)
  export TF_DATA_DIR
  trap 'rm -rf "$TF_DATA_DIR"' EXIT
  try 'terraform fmt finds nothing to change' terraform fmt -check -recursive -diff
  settings() {
    (cd settings && terraform init -input=false -backend=false >/dev/null && terraform test -no-color)
  }
  try 'names, sizes and checks of the settings are as they should be' settings
else
  echo 'not looked at, as there is no terraform here: the form, and the tests of the settings'
fi
try 'every block and argument is in the schema of the AWS provider' \
  "$tools/venv/bin/python" check_schema.py "$tools/package/.jsii" ./*.tf
authorities_are_valid() {
  local expected found
  expected=$(grep -c 'BEGIN CERTIFICATE' bundle/rds-ca.pem)
  # Each is its own issuer, an authority, and valid for another year.
  found=$(csplit --quiet --elide-empty-files --prefix="$roots/" bundle/rds-ca.pem '/BEGIN CERTIFICATE/' '{*}' &&
    for root in "$roots"/*; do
      ! grep -q BEGIN "$root" || openssl verify -CAfile "$root" -attime "$(($(date +%s) + 31536000))" "$root" 2>/dev/null
    done | grep -c ': OK$')
  [ "$expected" -gt 20 ] && [ "$found" = "$expected" ]
}
roots=$(mktemp -d)
try "the authorities of the databases' certificates are valid for a year" authorities_are_valid
rm -rf "$roots"
try 'checkov finds nothing that is not explained' \
  "$tools/venv/bin/checkov" --directory . --framework terraform --skip-download --quiet --compact
exit $status
