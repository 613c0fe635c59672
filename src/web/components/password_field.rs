//! A field for a new password, which says in words how strong it is.

use leptos::prelude::*;

use super::field::Field;
use crate::web::form::Outcome;

/// Fewest characters of a password, as the server asks for.
const MIN_CHARS: usize = 8;
/// Characters from which on a password is strong whatever they are: four words.
const STRONG_CHARS: usize = 16;
/// Different characters below which even a long one is weak.
const MIN_DIFFERENT: usize = 5;

/// Asks for a new password.
#[component]
pub fn NewPasswordField(label: &'static str, outcome: Outcome) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    view! {
        <div class="password-field" on:input=move |event| typed.set(event_target_value(&event))>
            <Field
                name="password"
                label
                kind="password"
                hint="At least 8 characters. A few words make a good one."
                autocomplete="new-password"
                required=true
                outcome
            />
            <p class="password-strength" role="status">
                {move || strength(&typed.read())}
            </p>
        </div>
    }
}

/// Says how strong a password is; nothing before one is typed.
fn strength(password: &str) -> Option<String> {
    let count = password.chars().count();
    if count == 0 {
        return None;
    }
    if count < MIN_CHARS {
        let missing = MIN_CHARS - count;
        let plural = if missing == 1 { "" } else { "s" };
        return Some(format!("Too short: {missing} more character{plural}"));
    }
    let mut different: Vec<char> = password.to_lowercase().chars().collect();
    different.sort_unstable();
    different.dedup();
    let words = match (different.len() < MIN_DIFFERENT, count >= STRONG_CHARS) {
        (true, _) => "Weak: the same few characters over and over",
        (false, true) => "Strong",
        (false, false) => "Fair: longer is stronger",
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_strong_a_password_is() {
        for (password, words) in [
            ("1234567", "Too short: 1 more character"),
            (
                "aaaaaaaaaaaaaaaaaaaa",
                "Weak: the same few characters over and over",
            ),
            ("tr0ubadour", "Fair: longer is stronger"),
            ("correct horse battery", "Strong"),
        ] {
            assert_eq!(strength(password).as_deref(), Some(words));
        }
        assert_eq!(strength(""), None);
    }
}
