//! The feed of a repository: what was pushed, put back and deleted. Source: RFC 4287.

use dockyard_hub::Hub;
use dockyard_hub::accounts::{Grant, Pull};
use dockyard_hub::images::{Move, MoveKind, Repository};
use dockyard_oci::Visibility;

use super::xml::Xml;
use super::{Document, Seen, uuid};
use crate::server::error::ApiError;
use crate::web::addresses;
use crate::web::dto::Moment;

/// Entries of a feed: more than anybody pushes between two looks of a reader.
const ENTRIES_MAX: u32 = 50;

/// Writes the feed of a repository, with addresses that start with `base_url`.
pub async fn of(hub: &Hub, grant: &Grant<Pull>, base_url: &str) -> Result<Document, ApiError> {
    let repository = hub.repositories.show(grant).await?;
    let moves = hub.history.of_repository(grant, None, ENTRIES_MAX).await?;
    let seen = match repository.visibility {
        Visibility::Public => Seen::ByAll,
        Visibility::Private => Seen::ByFew,
    };
    let text = write(&repository, &moves, base_url);
    let content_type = "application/atom+xml; charset=utf-8";
    Ok(Document::new(content_type, seen, text))
}

fn write(repository: &Repository, moves: &[Move], base_url: &str) -> String {
    let name = repository.name.as_str();
    let page = format!("{base_url}{}", addresses::repository(name));
    let updated_ms = moves.first().map_or(repository.created_ms, |m| m.moved_ms);
    let mut xml = Xml::document();
    xml.open("feed", &[("xmlns", "http://www.w3.org/2005/Atom")]);
    xml.text("title", name);
    if !repository.description.is_empty() {
        xml.text("subtitle", &repository.description);
    }
    xml.text("id", &urn(repository, &[]));
    xml.text("updated", &Moment::of_ms(updated_ms).iso);
    let itself = format!("{base_url}{}", addresses::feed(name));
    let attributes = [("rel", "self"), ("type", "application/atom+xml")];
    xml.empty("link", &[&attributes[..], &[("href", &itself)]].concat());
    link_to_page(&mut xml, &page);
    write_person(&mut xml, base_url, repository.name.namespace());
    xml.text("generator", "Dockyard");
    for moved in moves {
        write_entry(&mut xml, repository, moved, base_url);
    }
    xml.close("feed");
    xml.finish()
}

fn write_entry(xml: &mut Xml, repository: &Repository, moved: &Move, base_url: &str) {
    let (name, tag) = (repository.name.as_str(), moved.tag.as_str());
    let (what, page) = match moved.kind {
        MoveKind::Push => ("pushed", addresses::tag(name, tag)),
        MoveKind::Restore => ("put back", addresses::tag(name, tag)),
        MoveKind::Delete => ("deleted", addresses::tags(name)),
    };
    let by = moved
        .moved_by
        .as_ref()
        .map(|user| format!(" by {user}"))
        .unwrap_or_default();
    let digest = moved
        .digest
        .as_ref()
        .map(|digest| format!(" It points to {digest}."))
        .unwrap_or_default();
    let moment = Moment::of_ms(moved.moved_ms).iso;
    xml.open("entry", &[]);
    xml.text("title", &format!("{tag} {what}"));
    let moved_ms = moved.moved_ms.to_string();
    xml.text("id", &urn(repository, &[&moved_ms, tag]));
    xml.text("updated", &moment);
    xml.text("published", &moment);
    link_to_page(xml, &format!("{base_url}{page}"));
    if let Some(user) = &moved.moved_by {
        write_person(xml, base_url, user.as_str());
    }
    xml.empty("category", &[("term", moved.kind.as_str())]);
    xml.text("content", &format!("{name}:{tag} was {what}{by}.{digest}"));
    xml.close("entry");
}

fn link_to_page(xml: &mut Xml, page: &str) {
    let attributes = [("rel", "alternate"), ("type", "text/html"), ("href", page)];
    xml.empty("link", &attributes);
}

fn write_person(xml: &mut Xml, base_url: &str, name: &str) {
    xml.open("author", &[]);
    xml.text("name", name);
    xml.text("uri", &format!("{base_url}{}", addresses::user(name)));
    xml.close("author");
}

/// Is an id that stays, whatever the repository and the server are called later.
fn urn(repository: &Repository, parts: &[&str]) -> String {
    let id = repository.id.to_string();
    let mut all: Vec<&[u8]> = vec![id.as_bytes()];
    all.extend(parts.iter().map(|part| part.as_bytes()));
    format!("urn:uuid:{}", uuid(&all))
}
