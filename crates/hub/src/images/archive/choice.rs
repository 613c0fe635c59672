//! The choice between several images of a tarball.

use std::collections::HashMap;

use dockyard_oci::{Digest, SavedName, Tag};

use super::{ImportError, ImportOptions};

/// Most names that an error lists.
const LISTED_MAX: usize = 20;

/// An image of a tarball that can be chosen.
#[derive(Debug)]
pub(super) struct Candidate<T> {
    pub names: Vec<SavedName>,
    /// Of its manifest or configuration: what tells it from the others.
    pub digest: Option<Digest>,
    pub image: T,
}

impl<T> Candidate<T> {
    fn is_called(&self, wanted: &str) -> bool {
        let digest = self.digest.as_ref();
        self.names.iter().any(|name| name.means(wanted))
            || digest.is_some_and(|digest| digest.as_str() == wanted)
    }

    /// Names it for people.
    pub(super) fn label(&self) -> String {
        let name = self.names.iter().max_by_key(|name| name.text().len());
        match (name, &self.digest) {
            (Some(name), _) => for_people(&name.familiar()),
            (None, Some(digest)) => digest.to_string(),
            (None, None) => "an image without a name".to_owned(),
        }
    }
}

/// Cuts a text from a tarball to what a line holds.
pub(super) fn for_people(name: &str) -> String {
    let plain = |c: &char| !c.is_control();
    name.chars().filter(plain).take(255).collect()
}

/// Chooses the images that are wanted, and the tags that each gets: the one asked for, or those it is named by.
///
/// Errors: `NoImage`, `NoSuchImage`; `SeveralImages` for one tag, `TagTwice` when two images claim a tag, `NoTag`.
pub(super) fn choose<T>(
    mut candidates: Vec<Candidate<T>>,
    options: &ImportOptions,
) -> Result<Vec<(T, Vec<Tag>)>, ImportError> {
    if candidates.is_empty() {
        return Err(ImportError::NoImage);
    }
    if let Some(digest) = &options.digest
        && candidates
            .iter()
            .any(|one| one.digest.as_ref() == Some(digest))
    {
        candidates.retain(|candidate| candidate.digest.as_ref() == Some(digest));
    }
    if let Some(wanted) = &options.image {
        let names = labels(&candidates);
        candidates.retain(|candidate| candidate.is_called(wanted));
        if candidates.is_empty() {
            let wanted = wanted.clone();
            return Err(ImportError::NoSuchImage { wanted, names });
        }
    }
    let one = options.tag.is_some() || options.digest.is_some();
    if one && candidates.len() > 1 {
        return Err(ImportError::SeveralImages(labels(&candidates)));
    }
    if options.digest.is_some() {
        return Ok(candidates
            .into_iter()
            .map(|only| (only.image, Vec::new()))
            .collect());
    }
    if let Some(tag) = &options.tag {
        let tags = vec![tag.clone()];
        return Ok(candidates
            .into_iter()
            .map(|only| (only.image, tags.clone()))
            .collect());
    }
    let mut taken = HashMap::new();
    for (i, candidate) in candidates.iter().enumerate() {
        let mut tags = candidate.tags().peekable();
        if tags.peek().is_none() {
            return Err(ImportError::NoTag);
        }
        for tag in tags {
            let before = *taken.entry(tag).or_insert(i);
            if before != i {
                return Err(ImportError::TagTwice {
                    tag: tag.clone(),
                    names: vec![candidates[before].label(), candidate.label()],
                });
            }
        }
    }
    let tagged = candidates.into_iter().map(|candidate| {
        let mut tags: Vec<Tag> = candidate.tags().cloned().collect();
        tags.sort();
        tags.dedup();
        (candidate.image, tags)
    });
    Ok(tagged.collect())
}

impl<T> Candidate<T> {
    fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.names.iter().filter_map(SavedName::tag)
    }
}

fn labels<T>(candidates: &[Candidate<T>]) -> Vec<String> {
    candidates
        .iter()
        .take(LISTED_MAX)
        .map(Candidate::label)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(names: &[&str]) -> Candidate<u8> {
        Candidate {
            names: names.iter().map(|name| SavedName::of_whole(name)).collect(),
            digest: None,
            image: 0,
        }
    }

    #[test]
    fn a_tag_that_two_images_claim_is_given_to_none() {
        let both = || vec![candidate(&["nginx:latest"]), candidate(&["redis:latest"])];
        let mut options = ImportOptions::default();
        assert!(matches!(
            choose(both(), &options),
            Err(ImportError::TagTwice { names, .. }) if names == ["nginx:latest", "redis:latest"]
        ));
        options.image = Some("redis".to_owned());
        assert_eq!(choose(both(), &options).unwrap().len(), 1);
        options.image = Some("other".to_owned());
        assert!(matches!(
            choose(both(), &options),
            Err(ImportError::NoSuchImage { .. })
        ));
        options.image = None;
        options.tag = Some(Tag::latest());
        assert!(matches!(
            choose(both(), &options),
            Err(ImportError::SeveralImages(names)) if names.len() == 2
        ));
    }

    #[test]
    fn an_image_may_have_several_tags() {
        let one = vec![candidate(&["a:v1", "b:v2", "c:v1"])];
        let chosen = choose(one, &ImportOptions::default()).unwrap();
        assert_eq!(chosen[0].1.len(), 2);
        let none = vec![candidate(&["a@sha256:00"])];
        let chosen = choose(none, &ImportOptions::default());
        assert!(matches!(chosen, Err(ImportError::NoTag)));
    }
}
