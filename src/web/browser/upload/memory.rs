//! What a browser remembers of files that it has begun to send: where, and which they were.

use leptos::prelude::window;
use web_sys::{File, Storage};

use super::Chosen;
use crate::web::browser::{float, whole};

/// Stands before what is remembered.
const PREFIX: &str = "upload\n";

/// The place of one file, sent to one image, in the browser's memory.
pub struct Memory {
    key: String,
}

impl Memory {
    pub fn of(image: &str, file: &File) -> Self {
        let (name, changed) = (file.name(), file.last_modified());
        let size = whole(file.size());
        Self {
            key: format!("{PREFIX}{image}\n{size}\n{changed}\n{name}"),
        }
    }

    /// Is the address of the upload.
    pub fn recall(&self) -> Option<String> {
        storage()?.get_item(&self.key).ok()?
    }

    pub fn keep(&self, path: &str) {
        if let Some(storage) = storage() {
            let _ = storage.set_item(&self.key, path);
        }
    }

    pub fn forget(&self) {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(&self.key);
        }
    }
}

/// Lists the files that were begun and not finished, with the image that they go to.
pub fn unfinished() -> Vec<(String, Chosen)> {
    keys().iter().filter_map(|key| read(key)).collect()
}

/// Forgets all of them.
pub fn forget_unfinished() {
    for key in keys() {
        Memory { key }.forget();
    }
}

fn keys() -> Vec<String> {
    let Some(storage) = storage() else {
        return Vec::new();
    };
    let count = storage.length().unwrap_or_default();
    let all = (0..count).filter_map(|i| storage.key(i).ok().flatten());
    all.filter(|key| key.starts_with(PREFIX)).collect()
}

fn read(key: &str) -> Option<(String, Chosen)> {
    let mut parts = key.strip_prefix(PREFIX)?.splitn(4, '\n');
    let (image, size, _) = (parts.next()?, parts.next()?, parts.next()?);
    let chosen = Chosen {
        name: parts.next()?.to_owned(),
        size_bytes: float(size.parse().ok()?),
    };
    Some((image.to_owned(), chosen))
}

/// Of this tab: another one would send the same file at the same time.
fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}
