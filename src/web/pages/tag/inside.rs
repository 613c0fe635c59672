//! What is inside an image: layers and their steps, configuration, labels.

use leptos::prelude::*;

use crate::web::components::byte_size::ByteSize;
use crate::web::components::digest::ShortDigest;
use crate::web::components::relative_time::RelativeTime;
use crate::web::components::table_scroll::TableScroll;
use crate::web::dto::{ImageView, LabelRow, LayerRow};

/// Shows an image from its layers to its labels.
#[component]
pub fn Inside(image: ImageView) -> impl IntoView {
    let ImageView {
        digest,
        platform,
        built,
        size_bytes,
        layers,
        settings,
        labels,
    } = image;
    let has_layers = !layers.is_empty();
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{platform.map_or_else(|| "Content".to_owned(), |name| format!("Inside {name}"))}</h2>
                <p class="section-facts">
                    <ShortDigest digest />
                    <ByteSize bytes=size_bytes />
                    {built.map(|moment| view! { <span>"built " <RelativeTime moment /></span> })}
                </p>
            </div>
            {has_layers.then(|| view! { <LayerTable layers size_bytes /> })}
        </section>
        <Settings settings />
        <Labels labels />
    }
}

#[component]
fn LayerTable(layers: Vec<LayerRow>, size_bytes: u64) -> impl IntoView {
    let rows = layers.into_iter().map(move |row| match row.layer {
        None => view! {
            <tr class="empty-step">
                <td class="col-step" colspan="5">
                    <code>{row.step}</code>
                </td>
            </tr>
        }
        .into_any(),
        Some(layer) => view! {
            <tr>
                <td class="col-step">
                    {if row.step.is_empty() {
                        view! { <code class="faint">{layer.media_type}</code> }.into_any()
                    } else {
                        view! { <code title=layer.media_type>{row.step}</code> }.into_any()
                    }}
                </td>
                <td class="col-digest">
                    <ShortDigest digest=layer.digest />
                </td>
                <td class="col-share">
                    <progress
                        class="share"
                        aria-label="Share of the whole"
                        value=layer.size_bytes.to_string()
                        max=size_bytes.max(1).to_string()
                    ></progress>
                </td>
                <td class="col-size">
                    <ByteSize bytes=layer.size_bytes />
                </td>
                <td class="col-size faint">
                    <ByteSize bytes=layer.upto_bytes />
                </td>
            </tr>
        }
        .into_any(),
    });
    view! {
        <TableScroll label="Layers">
            <table class="layer-table">
                <thead>
                    <tr>
                        <th scope="col">"Step"</th>
                        <th scope="col">"Layer"</th>
                        <th scope="col">"Share"</th>
                        <th scope="col" class="col-size">
                            "Size"
                        </th>
                        <th scope="col" class="col-size">
                            "Up to here"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </TableScroll>
    }
}

#[component]
fn Settings(settings: Vec<(String, Vec<String>)>) -> impl IntoView {
    let is_empty = settings.is_empty();
    let rows = settings.into_iter().map(|(name, values)| {
        let values = values
            .into_iter()
            .map(|value| view! { <code>{value}</code> });
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{values.collect_view()}</td>
            </tr>
        }
    });
    (!is_empty).then(|| {
        view! {
            <section class="section">
                <div class="section-head">
                    <h2>"Configuration"</h2>
                </div>
                <TableScroll label="Configuration">
                    <table class="value-table">
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </TableScroll>
            </section>
        }
    })
}

#[component]
fn Labels(labels: Vec<LabelRow>) -> impl IntoView {
    let is_empty = labels.is_empty();
    let rows = labels.into_iter().map(|label| {
        view! {
            <tr>
                <th scope="row">
                    <code>{label.name}</code>
                </th>
                <td>
                    <LabelValue value=label.value href=label.href />
                </td>
            </tr>
        }
    });
    (!is_empty).then(|| {
        view! {
            <section class="section">
                <div class="section-head">
                    <h2>"Labels"</h2>
                </div>
                <TableScroll label="Labels">
                    <table class="value-table">
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </TableScroll>
            </section>
        }
    })
}

/// Shows the value of a label, as a link when it is an address.
#[component]
pub fn LabelValue(value: String, #[prop(optional_no_strip)] href: Option<String>) -> impl IntoView {
    match href {
        Some(href) => view! {
            <a href=href rel="nofollow noopener noreferrer">
                {value}
            </a>
        }
        .into_any(),
        None => view! { <span class="value">{value}</span> }.into_any(),
    }
}
