# Makes cargo compile the workspace's crates with clippy's driver, which is the compiler with lints: one compilation is
# linted, tested and run. Sourced by scripts; commands that are to share its products must all run with it.
# shellcheck shell=bash
RUSTC_WORKSPACE_WRAPPER=$(rustup which clippy-driver)
# Options of clippy, each followed by the separator that its driver expects.
CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
export RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
