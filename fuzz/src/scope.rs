//! Scopes: any text is a list of scopes, and each prints so that it reads the same.

use dockyard_oci::{Action, Scope, parse_scopes};

/// Runs one input.
///
/// # Panics
///
/// A panic is a finding.
pub fn run(text: &str) {
    for scope in parse_scopes(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Some(scope.clone()));
        if let Scope::Repository { name, actions } = &scope {
            for action in [Action::Pull, Action::Push, Action::Delete] {
                assert_eq!(scope.allows(name, action), actions.contains(&action));
            }
        }
    }
}
