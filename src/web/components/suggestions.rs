//! Names that are suggested while one types, chosen with the arrows or the mouse.
//!
//! Source: ARIA Authoring Practices, "Editable Combobox With List Autocomplete".

use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::web::addresses;
use crate::web::api::search::SuggestRepositories;

/// How long after the last letter the server is asked: shorter than a pause, longer than a letter.
pub const SUGGEST_AFTER: Duration = Duration::from_millis(120);
/// Letters from which on names are suggested.
const LETTERS_MIN: usize = 2;

/// The names that are suggested, and which of them the arrows are at.
#[derive(Clone, Copy)]
pub struct Suggestions {
    /// Tells the lists of a page apart.
    field: &'static str,
    action: ServerAction<SuggestRepositories>,
    names: Signal<Vec<String>>,
    is_asked: RwSignal<bool>,
    at: RwSignal<Option<usize>>,
}

impl Suggestions {
    /// Suggests for the field with an id.
    pub fn new(field: &'static str) -> Self {
        let action = ServerAction::<SuggestRepositories>::new();
        let value = action.value();
        Self {
            field,
            action,
            names: Signal::derive(move || value.get().and_then(Result::ok).unwrap_or_default()),
            is_asked: RwSignal::new(false),
            at: RwSignal::new(None),
        }
    }

    /// Asks for the names that begin as a text does.
    pub fn ask(self, text: String) {
        self.at.set(None);
        if text.trim().chars().count() < LETTERS_MIN {
            self.is_asked.set(false);
            return;
        }
        self.is_asked.set(true);
        self.action.dispatch(SuggestRepositories { text });
    }

    /// Hides the list.
    pub fn close(self) {
        self.is_asked.set(false);
        self.at.set(None);
    }

    /// Tells whether there is a list to see.
    pub fn is_open(self) -> bool {
        self.is_asked.get() && !self.names.read().is_empty()
    }

    /// Moves through the list; returns the name that Enter chose.
    pub fn on_key(self, event: &KeyboardEvent) -> Option<String> {
        if !self.is_asked.get_untracked() {
            return None;
        }
        let names = self.names.get_untracked();
        let (last, at) = (names.len().checked_sub(1)?, self.at.get_untracked());
        let at = match event.key().as_str() {
            "ArrowDown" => at.map_or(Some(0), |at| (at < last).then_some(at + 1)),
            "ArrowUp" => at.map_or(Some(last), |at| at.checked_sub(1)),
            "Escape" => {
                event.prevent_default();
                self.close();
                return None;
            }
            "Enter" => {
                let name = names.get(at?).cloned();
                event.prevent_default();
                self.close();
                return name;
            }
            _ => return None,
        };
        event.prevent_default();
        self.at.set(at);
        None
    }

    /// Is the id of the list.
    pub fn list_id(self) -> String {
        format!("{}-names", self.field)
    }

    /// Is the id of the name that the arrows are at.
    pub fn active_id(self) -> Option<String> {
        self.at.get().map(|at| self.option_id(at))
    }

    fn option_id(self, at: usize) -> String {
        format!("{}-name-{at}", self.field)
    }
}

/// Shows the names below their field.
#[component]
pub fn SuggestionList(suggestions: Suggestions) -> impl IntoView {
    let options = move || {
        let names = suggestions.names.get().into_iter().enumerate();
        names
            .map(|(at, name)| {
                let href = addresses::repository(&name);
                view! {
                    <li
                        role="option"
                        id=suggestions.option_id(at)
                        aria-selected=move || (suggestions.at.get() == Some(at)).to_string()
                    >
                        // The field keeps the focus: it would close the list before the click.
                        <a href=href tabindex="-1" on:mousedown=|event| event.prevent_default()>
                            {name}
                        </a>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <ul
            class="suggestions"
            role="listbox"
            id=suggestions.list_id()
            aria-label="Suggestions"
            hidden=move || !suggestions.is_open()
            on:click=move |_| suggestions.close()
        >
            {options}
        </ul>
    }
}
