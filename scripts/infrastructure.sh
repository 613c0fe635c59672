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
try 'checkov finds nothing that is not explained' \
  "$tools/venv/bin/checkov" --directory . --framework terraform --skip-download --quiet --compact
exit $status
