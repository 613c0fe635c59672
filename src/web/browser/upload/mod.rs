//! Sends files, one after the other, in pieces. After a cut connection a file goes on where it was; after a reload as
//! well, once the person has chosen it again.

mod memory;
mod request;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{html, serde_json};
use web_sys::{Blob, File, XmlHttpRequest};

use self::memory::Memory;
pub use self::memory::{forget_unfinished, unfinished};
use self::request::{Answer, Request};
use super::{Chosen, Sending, whole};

/// Length of a piece in bytes: proxies that bound bodies mostly let 10 MB pass.
const PIECE_BYTES: f64 = 8.0 * 1024.0 * 1024.0;
/// Longest pause before a piece is tried again, in seconds.
const PAUSE_MAX: u32 = 15;
/// Tries in a row after which a file is given up: some ten minutes.
const TRIES: u32 = 45;
/// How long a rate says nothing yet, in milliseconds.
const RATE_AFTER_MS: f64 = 500.0;

/// What the task that sends shares with those who stop it.
#[derive(Default)]
struct Running {
    request: RefCell<Option<XmlHttpRequest>>,
    /// The files of the form that are not wanted any more.
    cancelled: RefCell<Vec<usize>>,
    current: Cell<usize>,
    is_left: Cell<bool>,
    /// Ends a pause before its time.
    wake: RefCell<Option<oneshot::Sender<()>>>,
}

impl Running {
    fn is_cancelled(&self, file: usize) -> bool {
        self.cancelled.borrow().contains(&file)
    }

    fn stops(&self, file: usize) -> bool {
        self.is_left.get() || self.is_cancelled(file)
    }

    /// Ends what is on its way. The borrow ends before: aborting calls a listener.
    fn abort(&self) {
        let request = self.request.borrow().clone();
        if let Some(request) = request {
            let _ = request.abort();
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(wake) = self.wake.take() {
            let _ = wake.send(());
        }
    }
}

thread_local! {
    static RUNNING: RefCell<Option<Rc<Running>>> = const { RefCell::new(None) };
}

/// Is what a person chose in an input.
pub fn chosen(input: NodeRef<html::Input>) -> Vec<Chosen> {
    let files = files(input);
    let describe = |file: &File| Chosen {
        name: file.name(),
        size_bytes: file.size(),
    };
    files.iter().map(describe).collect()
}

fn files(input: NodeRef<html::Input>) -> Vec<File> {
    let list = input.get_untracked().and_then(|input| input.files());
    list.map_or_else(Vec::new, |list| {
        (0..list.length()).filter_map(|i| list.get(i)).collect()
    })
}

/// Sends the files of an input to an image, of each the one that is chosen if one is, and reports what becomes of each,
/// by its place.
pub fn send_all(
    input: NodeRef<html::Input>,
    image: &str,
    chosen: &str,
    report: impl Fn(usize, Sending) + 'static,
) {
    let running = Rc::new(Running::default());
    RUNNING.set(Some(Rc::clone(&running)));
    let (files, image, chosen) = (files(input), image.to_owned(), chosen.to_owned());
    let report: Rc<dyn Fn(usize, Sending)> = Rc::new(report);
    spawn_local(async move {
        for (place, file) in files.into_iter().enumerate() {
            running.current.set(place);
            let report = Rc::clone(&report);
            let report: Rc<dyn Fn(Sending)> = Rc::new(move |news| report(place, news));
            // What was begun for another image of the file is another upload.
            let memory = Memory::of(format!("{image} {chosen}").trim_end(), &file);
            let sender = Sender {
                running: &running,
                place,
                total: file.size(),
                file: &file,
                image: &image,
                chosen: &chosen,
                memory,
                report,
                at: None,
                began: None,
            };
            sender.run().await;
            if running.is_left.get() {
                return;
            }
        }
    });
}

/// Gives up one file; the server forgets what it has of it.
pub fn cancel(place: usize) {
    let Some(running) = RUNNING.with_borrow(Clone::clone) else {
        return;
    };
    running.cancelled.borrow_mut().push(place);
    if running.current.get() == place {
        running.abort();
    }
}

/// Stops sending, as the page is left. What was begun can be gone on with.
pub fn leave() {
    if let Some(running) = RUNNING.take() {
        running.is_left.set(true);
        running.abort();
    }
}

/// Sends one file.
struct Sender<'a> {
    running: &'a Rc<Running>,
    place: usize,
    file: &'a File,
    total: f64,
    image: &'a str,
    /// The image of the file that is meant; empty for all.
    chosen: &'a str,
    memory: Memory,
    report: Rc<dyn Fn(Sending)>,
    /// Address of the upload, and how many bytes are there.
    at: Option<(String, f64)>,
    /// When the first byte of this page went, and after how many.
    began: Option<(f64, f64)>,
}

/// What follows from an answer.
enum Next {
    Send,
    /// More of the file is there.
    Taken,
    /// It is over: this is what the person gets to see.
    End(Answer),
    /// The connection or the server failed.
    Retry,
}

impl Sender<'_> {
    async fn run(mut self) {
        let mut tries = 0;
        while !self.running.stops(self.place) {
            let next = match self.at.clone() {
                None => self.begin().await,
                Some((path, offset)) => self.piece(&path, offset).await,
            };
            match next {
                Next::Taken => tries = 0,
                Next::End(Answer { status, body, .. }) => {
                    self.memory.forget();
                    return (self.report)(Sending::Answered { status, body });
                }
                Next::Retry if tries == TRIES => return (self.report)(Sending::Lost),
                // What is there is asked again: it may be more than was answered.
                Next::Retry if !self.running.stops(self.place) => {
                    self.at = None;
                    tries += 1;
                    let secs = (1 << tries.min(4)).min(PAUSE_MAX);
                    (self.report)(Sending::Waiting { secs });
                    pause(self.running, secs).await;
                }
                Next::Send | Next::Retry => {}
            }
        }
        if self.running.is_cancelled(self.place) {
            if let Some(path) = self.memory.recall() {
                Request::new("DELETE", &path).send(self.running).await;
            }
            self.memory.forget();
            (self.report)(Sending::Cancelled);
        }
    }

    /// Finds out how far the file is, or announces it.
    async fn begin(&mut self) -> Next {
        let known = self.memory.recall();
        let answer = if let Some(path) = &known {
            Request::new("GET", path).send(self.running).await
        } else {
            let announced = serde_json::json!({
                "name": self.image, "image": self.chosen, "size_bytes": whole(self.total),
            });
            let announced = announced.to_string();
            let request = Request::new("POST", "/api/v1/imports");
            request.json(announced).send(self.running).await
        };
        let Some(answer) = answer.filter(|answer| !answer.is_passing()) else {
            return Next::Retry;
        };
        match (answer.status, known) {
            (200, Some(path)) if answer.says("receiving") => self.go_on(path, answer.offset),
            (200, Some(_)) if answer.says("done") => Next::End(answer.created()),
            // It failed, or the server knows nothing of it any more.
            (200 | 404, Some(_)) => {
                self.memory.forget();
                Next::Send
            }
            (200, None) => Next::Retry,
            (201, None) => {
                let path = answer.location.clone().unwrap_or_default();
                self.memory.keep(&path);
                self.go_on(path, answer.offset)
            }
            _ if answer.is_busy() => Next::Retry,
            _ => Next::End(answer),
        }
    }

    fn go_on(&mut self, path: String, offset: Option<f64>) -> Next {
        self.at = Some((path, offset.unwrap_or_default()));
        Next::Send
    }

    async fn piece(&mut self, path: &str, offset: f64) -> Next {
        let end = (offset + PIECE_BYTES).min(self.total);
        let Ok(piece) = self.file.slice_with_f64_and_f64(offset, end) else {
            return Next::Retry;
        };
        let answer = self.send(path, offset, &piece).await;
        let Some(answer) = answer.filter(|answer| !answer.is_passing()) else {
            return Next::Retry;
        };
        match (answer.status, answer.offset) {
            (200, Some(offset)) => {
                self.at = Some((path.to_owned(), offset));
                Next::Taken
            }
            (409, Some(offset)) => self.go_on(path.to_owned(), Some(offset)),
            (404, _) => {
                self.memory.forget();
                self.at = None;
                Next::Send
            }
            _ if answer.is_busy() => Next::Retry,
            _ => Next::End(answer),
        }
    }

    async fn send(&mut self, path: &str, offset: f64, piece: &Blob) -> Option<Answer> {
        let (began_ms, from) = *self.began.get_or_insert_with(|| (now_ms(), offset));
        let (report, total) = (Rc::clone(&self.report), self.total);
        let progress = move |sent: f64| {
            let (sent, elapsed_ms) = ((offset + sent).min(total), now_ms() - began_ms);
            let rate = (sent - from) / (elapsed_ms / 1000.0);
            report(Sending::Progress {
                sent,
                total,
                rate: Some(rate).filter(|rate| elapsed_ms > RATE_AFTER_MS && *rate > 0.0),
            });
        };
        progress(0.0);
        let request = Request::new("PATCH", path).offset(offset).blob(piece);
        request.watched(progress).send(self.running).await
    }
}

async fn pause(running: &Rc<Running>, secs: u32) {
    let (done, over) = oneshot::channel();
    running.wake.replace(Some(done));
    let (running, pause) = (Rc::clone(running), Duration::from_secs(secs.into()));
    set_timeout(move || running.wake(), pause);
    let _ = over.await;
}

fn now_ms() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}
