//! One request. `fetch` tells nothing about what was sent, so it is an `XMLHttpRequest`.

use futures::channel::oneshot;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Blob, ProgressEvent, XmlHttpRequest};

use super::Running;
use crate::web::browser::{float, whole};

/// What the server says.
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// How many bytes of the file are there.
    pub offset: Option<f64>,
    pub location: Option<String>,
}

impl Answer {
    /// Tells whether the server, or what stands before it, may do better in a moment.
    pub const fn is_passing(&self) -> bool {
        matches!(self.status, 0 | 408 | 500 | 502..=504)
    }

    /// Tells whether an earlier request of this file is still being taken, as after a cut.
    pub fn is_busy(&self) -> bool {
        self.status == 409 && self.body.contains("IMPORT_BUSY")
    }

    /// Tells whether an upload is in a state.
    pub fn says(&self, state: &str) -> bool {
        self.body.contains(&format!("\"state\":\"{state}\""))
    }

    /// Is the answer to who sent the last piece.
    pub fn created(self) -> Self {
        Self {
            status: 201,
            ..self
        }
    }
}

/// A request to be sent.
pub struct Request<'a> {
    method: &'static str,
    path: &'a str,
    offset: Option<f64>,
    json: Option<String>,
    blob: Option<&'a Blob>,
    watch: Option<Box<dyn Fn(f64)>>,
}

impl<'a> Request<'a> {
    pub fn new(method: &'static str, path: &'a str) -> Self {
        Self {
            method,
            path,
            offset: None,
            json: None,
            blob: None,
            watch: None,
        }
    }

    pub fn json(self, json: String) -> Self {
        Self {
            json: Some(json),
            ..self
        }
    }

    pub fn offset(self, offset: f64) -> Self {
        Self {
            offset: Some(offset),
            ..self
        }
    }

    pub fn blob(self, blob: &'a Blob) -> Self {
        Self {
            blob: Some(blob),
            ..self
        }
    }

    /// Has somebody told how many bytes of the body are on their way.
    pub fn watched(self, watch: impl Fn(f64) + 'static) -> Self {
        Self {
            watch: Some(Box::new(watch)),
            ..self
        }
    }

    /// Sends it; `None` when it could not be sent, was cut off or stopped.
    pub async fn send(self, running: &Running) -> Option<Answer> {
        let request = XmlHttpRequest::new().ok()?;
        request.open_with_async(self.method, self.path, true).ok()?;
        request
            .set_request_header("Accept", "application/json")
            .ok()?;
        if let Some(offset) = self.offset {
            let offset = whole(offset).to_string();
            request.set_request_header("Upload-Offset", &offset).ok()?;
        }
        let (done, over) = oneshot::channel();
        let ended = Closure::once(move |_: ProgressEvent| {
            let _ = done.send(());
        });
        request.set_onloadend(Some(ended.as_ref().unchecked_ref()));
        let watch = self.watch;
        let progress = Closure::new(move |event: ProgressEvent| {
            if let Some(watch) = &watch {
                watch(event.loaded());
            }
        });
        let progress: Closure<dyn FnMut(ProgressEvent)> = progress;
        if let Ok(upload) = request.upload() {
            upload.set_onprogress(Some(progress.as_ref().unchecked_ref()));
        }
        match (&self.json, self.blob) {
            (Some(json), _) => {
                request
                    .set_request_header("Content-Type", "application/json")
                    .ok()?;
                request.send_with_opt_str(Some(json)).ok()?;
            }
            (None, blob) => request.send_with_opt_blob(blob).ok()?,
        }
        running.request.replace(Some(request.clone()));
        let _ = over.await;
        running.request.replace(None);
        answer(&request)
    }
}

fn answer(request: &XmlHttpRequest) -> Option<Answer> {
    let header = |name| request.get_response_header(name).ok().flatten();
    let status = request.status().ok().filter(|status| *status != 0)?;
    Some(Answer {
        status,
        body: request.response_text().ok().flatten().unwrap_or_default(),
        // Read as a whole number: reading floats takes tables of ten kilobytes.
        offset: header("upload-offset")
            .and_then(|offset| offset.parse().ok())
            .map(float),
        location: header("location"),
    })
}
