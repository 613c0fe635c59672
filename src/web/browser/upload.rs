//! Sends one file at a time. `fetch` tells nothing about progress, so it is an `XMLHttpRequest`.

use std::cell::RefCell;
use std::rc::Rc;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{ProgressEvent, XmlHttpRequest};

use super::{Chosen, Sending};

type Listener = Closure<dyn FnMut(ProgressEvent)>;

/// A request on its way, with the closures that must live as long.
struct Running {
    request: XmlHttpRequest,
    _listeners: Vec<Listener>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// Sends the file of an input with `PUT` and reports what happens; `None` when no file is chosen or
/// nothing can be sent.
pub fn send(
    input: NodeRef<html::Input>,
    url: &str,
    report: impl Fn(Sending) + 'static,
) -> Option<Chosen> {
    let file = input.get_untracked()?.files()?.get(0)?;
    let request = XmlHttpRequest::new().ok()?;
    request.open_with_async("PUT", url, true).ok()?;
    request
        .set_request_header("Accept", "application/json")
        .ok()?;
    let report: Rc<dyn Fn(Sending)> = Rc::new(report);
    let listeners = listen(&request, &report);
    request.send_with_opt_blob(Some(&file)).ok()?;
    RUNNING.set(Some(Running {
        request,
        _listeners: listeners,
    }));
    Some(Chosen {
        name: file.name(),
        size_bytes: file.size(),
    })
}

/// Stops what is being sent.
pub fn cancel() {
    let running = RUNNING.take();
    if let Some(running) = &running {
        let _ = running.request.abort();
    }
    // Dropped only now: aborting calls a listener.
    drop(running);
}

fn listen(request: &XmlHttpRequest, report: &Rc<dyn Fn(Sending)>) -> Vec<Listener> {
    let started_ms = now_ms();
    let progress = listener(report, move |event| Sending::Progress {
        sent: event.loaded(),
        total: event.total(),
        elapsed_ms: now_ms() - started_ms,
    });
    let answered = {
        let request = request.clone();
        listener(report, move |_| Sending::Answered {
            status: request.status().unwrap_or_default(),
            body: request.response_text().ok().flatten().unwrap_or_default(),
        })
    };
    let broken = listener(report, |_| Sending::Broken);
    let cancelled = listener(report, |_| Sending::Cancelled);
    if let Ok(upload) = request.upload() {
        upload.set_onprogress(Some(progress.as_ref().unchecked_ref()));
    }
    request.set_onload(Some(answered.as_ref().unchecked_ref()));
    request.set_onerror(Some(broken.as_ref().unchecked_ref()));
    request.set_onabort(Some(cancelled.as_ref().unchecked_ref()));
    vec![progress, answered, broken, cancelled]
}

fn listener(
    report: &Rc<dyn Fn(Sending)>,
    describe: impl Fn(&ProgressEvent) -> Sending + 'static,
) -> Listener {
    let report = Rc::clone(report);
    Closure::new(move |event: ProgressEvent| report(describe(&event)))
}

fn now_ms() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}
