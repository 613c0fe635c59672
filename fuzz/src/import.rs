//! Any bytes are a tarball of images or an error. What was taken in can be handed out and taken in again, and
//! whatever happened, everything that is stored holds together.

mod recipe;

use std::cell::RefCell;

use arbitrary::Arbitrary;
use bytes::Bytes;
use dockyard_hub::accounts::{Caller, Pull};
use dockyard_hub::images::archive::{
    ExportError, ImportError, ImportOptions, Imported, ImportedImage, Reader, Wanted,
};
use dockyard_hub::images::{ImageError, Page, Repair};
use dockyard_hub::{Caretaker, Hub};
use dockyard_oci::{Reference, RepositoryName, Tag};
use futures::{TryStreamExt, stream};
use tokio::runtime::Runtime;

use crate::hub::{HERE, folder, open, options};
use recipe::Recipe;

/// Inputs until everything is verified and a new hub is made, so that memory and disk stay small.
const INPUTS_MAX: u32 = 400;

#[derive(Debug, Arbitrary)]
pub enum Input {
    Made(Recipe),
    Any(Vec<u8>),
}

/// A hub on a folder in memory.
struct Dock {
    runtime: Runtime,
    folder: tempfile::TempDir,
    hub: Hub,
    caller: Caller,
    inputs: u32,
}

thread_local! {
    static DOCK: RefCell<Option<Dock>> = const { RefCell::new(None) };
}

/// Runs one input.
///
/// # Panics
///
/// A panic is a finding.
pub fn run(input: (Input, bool)) {
    let (input, with_tag) = input;
    let tarball = match input {
        Input::Made(recipe) => recipe.make(),
        Input::Any(bytes) => bytes,
    };
    DOCK.with_borrow_mut(|dock| {
        if dock.as_ref().is_some_and(|dock| dock.inputs == INPUTS_MAX)
            && let Some(full) = dock.take()
        {
            full.close();
        }
        dock.get_or_insert_with(Dock::open)
            .take_in(tarball, with_tag);
    });
}

impl Dock {
    fn open() -> Self {
        let folder = folder();
        let runtime = Runtime::new().expect("the runtime starts");
        let (hub, user) = runtime.block_on(open(folder.path()));
        Self {
            runtime,
            folder,
            hub,
            caller: Caller::user_in_person(user),
            inputs: 0,
        }
    }

    fn take_in(&mut self, tarball: Vec<u8>, with_tag: bool) {
        self.inputs += 1;
        let name = format!("fuzz/r{}", self.inputs).parse().expect("a name");
        let tag: Option<Tag> = with_tag.then(|| "tag".parse().expect("a tag"));
        self.runtime.block_on(async {
            match self.import(&name, tarball, tag.as_ref()).await {
                Ok(imported) => self.hand_out(&name, &imported.images).await,
                Err(ImportError::Image(error)) => assert!(!is_ours(&error), "{error}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        });
    }

    async fn import(
        &self,
        name: &RepositoryName,
        tarball: Vec<u8>,
        tag: Option<&Tag>,
    ) -> Result<Imported, ImportError> {
        let access = &self.hub.access;
        let grant = access
            .authorize_push(&self.caller, name)
            .await
            .expect("the owner may push");
        let chunks: Vec<_> = tarball
            .chunks(1000)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect();
        let options = ImportOptions {
            tag: tag.cloned(),
            ..ImportOptions::default()
        };
        let chunks = stream::iter(chunks);
        let archives = &self.hub.archives;
        archives.import(&grant, HERE, chunks, &options).await
    }

    /// Hands out what was taken in, as an image and as everything that a tag leads to, and takes that in again.
    async fn hand_out(&self, name: &RepositoryName, images: &[ImportedImage]) {
        let grant = self
            .hub
            .access
            .authorize::<Pull>(&self.caller, name)
            .await
            .expect("the owner may pull");
        let page = Page {
            after: None,
            limit: 1000,
        };
        let tags = self
            .hub
            .tags
            .names(&grant, page)
            .await
            .expect("tags are listed");
        assert!(
            images
                .iter()
                .flat_map(|image| &image.tags)
                .all(|tag| tags.contains(tag))
        );
        for tag in tags {
            let reference = Reference::Tag(tag.clone());
            for wanted in [Wanted::Image, Wanted::Everything] {
                let export = match self
                    .hub
                    .archives
                    .export(&grant, HERE, &reference, (&wanted, Reader::Any))
                    .await
                {
                    Ok(export) => export,
                    Err(ExportError::Image(error)) => {
                        assert!(!is_ours(&error), "{error}");
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                let bytes: Vec<Bytes> = export
                    .read(0..export.length)
                    .try_collect()
                    .await
                    .expect("it is read");
                let bytes = bytes.concat();
                assert_eq!(bytes.len() as u64, export.length);
                let again = self
                    .import(&"fuzz/again".parse().expect("a name"), bytes, Some(&tag))
                    .await;
                let again = again.unwrap_or_else(|error| {
                    panic!("{wanted:?} of {tag} is not taken again: {error}")
                });
                assert_eq!(again.images.len(), 1);
                if wanted == Wanted::Everything {
                    assert_eq!(again.images[0].digest, export.digest);
                }
            }
        }
    }

    /// Verifies what is left of all inputs.
    fn close(self) {
        let Self {
            runtime,
            folder,
            hub,
            ..
        } = self;
        runtime.block_on(async {
            hub.close().await;
            let caretaker = Caretaker::open(options(folder.path()))
                .await
                .expect("it opens again");
            let verified = caretaker
                .verifier
                .verify(Repair::No, &mut |problem| panic!("{problem}"))
                .await;
            verified.expect("it is verified");
            caretaker.close().await;
        });
    }
}

/// Tells errors that no input may cause.
fn is_ours(error: &ImageError) -> bool {
    matches!(error, ImageError::Database(_) | ImageError::Store(_))
}
