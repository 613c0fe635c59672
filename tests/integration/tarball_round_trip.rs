//! Whatever the registry takes comes out as a tarball, and goes in again as the same: over generated images.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{INDEX, MANIFEST, TestApp, digest, header, sha512};
use crate::exports::CONFIG;
use crate::tarball_images::{EMPTY, LAYER, app, put};
use crate::tarballs::{gzip, tar};

const ROUNDS: u64 = 24;
const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

/// Numbers that look random, and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Pushes generated images to a repository.
struct Pusher<'a> {
    app: &'a TestApp,
    name: String,
    dice: Dice,
}

impl Pusher<'_> {
    fn digest(&mut self, bytes: &[u8]) -> String {
        if self.dice.below(3) == 0 {
            sha512(bytes)
        } else {
            digest(bytes)
        }
    }

    async fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = self.digest(bytes);
        let path = format!("/v2/{}/blobs/uploads/?digest={digest}", self.name);
        let path = path.replace("sha512:", "sha512%3A");
        let begun = self
            .app
            .by("alice", Method::POST, &path)
            .body(bytes.to_vec());
        assert_eq!(begun.send().await.unwrap().status(), StatusCode::CREATED);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    async fn manifest(&mut self, media_type: &str, document: &Value) -> Value {
        let text = document.to_string();
        let digest = self.digest(text.as_bytes());
        self.put(media_type, &digest, text.clone()).await;
        json!({"mediaType": media_type, "digest": digest, "size": text.len()})
    }

    async fn put(&self, media_type: &str, reference: &str, text: String) {
        let path = format!("/v2/{}/manifests/{reference}", self.name);
        let request = self
            .app
            .by("alice", Method::PUT, &path)
            .header("content-type", media_type);
        let response = request.body(text.clone()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED, "{text}");
    }

    async fn layer(&mut self) -> Value {
        let text = self.dice.below(1 << 30).to_string();
        let file = tar(&[(&format!("[{text}"), text.as_bytes())]).await;
        let mut layer = match self.dice.below(8) {
            0 => self.blob(LAYER, &file).await,
            1 => self.blob(&format!("{LAYER}+gzip"), &gzip(&file)).await,
            2 => {
                let zstd = zstd::encode_all(&file[..], 1).unwrap();
                self.blob(&format!("{LAYER}+zstd"), &zstd).await
            }
            3 => self.blob("application/vnd.acme+tar", &file).await,
            4 => {
                self.blob("application/json", format!("[{text}]").as_bytes())
                    .await
            }
            5 => self.blob("", b"").await,
            6 => {
                self.blob("text/plain; charset=utf-8", text.as_bytes())
                    .await
            }
            _ => json!({
                "mediaType": FOREIGN, "digest": digest(text.as_bytes()), "size": text.len(),
                "urls": ["https://example.com/layer"],
            }),
        };
        if self.dice.below(2) == 0 {
            layer["annotations"] = json!({"org.opencontainers.image.title": text});
        }
        layer
    }

    async fn image(&mut self, subject: Option<&Value>) -> Value {
        let config = match self.dice.below(3) {
            0 => self.blob(EMPTY, b"{}").await,
            1 => self.blob("application/vnd.acme.config", b"not JSON").await,
            _ => {
                let mark = self.dice.below(1 << 30);
                let config = json!({"os": "linux", "architecture": "amd64", "mark": mark});
                self.blob(CONFIG, config.to_string().as_bytes()).await
            }
        };
        let mut layers = Vec::new();
        for _ in 0..self.dice.below(4) {
            layers.push(self.layer().await);
        }
        let mark = self.dice.below(1 << 30).to_string();
        let mut document = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
            "annotations": {"mark": mark},
        });
        if self.dice.below(3) == 0 {
            document["artifactType"] = "application/x.thing;version=1".into();
        }
        if let Some(subject) = subject {
            document["subject"] = subject.clone();
        }
        self.manifest(MANIFEST, &document).await
    }

    async fn index(&mut self, depth: u64) -> Value {
        let mut manifests = Vec::new();
        for i in 0..self.dice.below(4) {
            let mut child = match self.dice.below(4) * u64::from(i > 0) + 3 * u64::from(i == 0) {
                0 if depth > 0 => Box::pin(self.index(depth - 1)).await,
                // Kept somewhere else.
                1 => {
                    json!({"mediaType": MANIFEST, "digest": digest(&[0, u8::try_from(i).unwrap()]), "size": 2})
                }
                _ => self.image(None).await,
            };
            match self.dice.below(3) {
                0 => {
                    child["platform"] =
                        json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
                }
                1 => child["platform"] = json!({}),
                _ => {}
            }
            manifests.push(child);
        }
        let mark = self.dice.below(1 << 30).to_string();
        let document = json!({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests,
            "annotations": {"mark": mark},
        });
        self.manifest(INDEX, &document).await
    }
}

async fn referrers(app: &TestApp, name: &str, subject: &str) -> Vec<String> {
    let path = format!("/v2/{name}/referrers/{subject}");
    let list: Value = app
        .ask("alice", Method::GET, &path)
        .await
        .json()
        .await
        .unwrap();
    let list = list["manifests"].as_array().unwrap();
    let mut digests: Vec<String> = list
        .iter()
        .map(|one| one["digest"].as_str().unwrap().to_owned())
        .collect();
    digests.sort();
    digests
}

#[tokio::test]
async fn what_the_registry_takes_goes_out_and_in_as_the_same() {
    let app = app().await;
    for seed in 0..ROUNDS {
        let name = format!("alice/r{seed}");
        let mut pusher = Pusher {
            app: &app,
            name: name.clone(),
            dice: Dice(seed),
        };
        let top = match seed % 3 {
            0 => pusher.index(1).await,
            _ => pusher.image(None).await,
        };
        let mut subjects = vec![top.clone()];
        for _ in 0..pusher.dice.below(3) {
            let last = subjects.last().unwrap().clone();
            subjects.push(pusher.image(Some(&last)).await);
        }
        let own = top["digest"].as_str().unwrap();
        let path = format!("/api/v1/images/{name}@{own}?platform=all");
        let out = app.ask("alice", Method::GET, &path).await;
        assert_eq!(out.status(), StatusCode::OK, "{seed}");
        assert_eq!(header(&out, "docker-content-digest"), own);
        let length: usize = header(&out, "content-length").parse().unwrap();
        let out = out.bytes().await.unwrap();
        assert_eq!(out.len(), length);
        let back = format!("alice/back{seed}");
        let (status, answer) = put(&app, &format!("{back}@{own}"), out.to_vec()).await;
        assert_eq!(status, StatusCode::CREATED, "{seed}: {answer}");
        assert_eq!(answer["images"][0]["digest"], own);
        for subject in &subjects {
            let subject = subject["digest"].as_str().unwrap();
            let path = format!("/v2/{back}/manifests/{subject}");
            assert_eq!(
                app.ask("alice", Method::GET, &path).await.status(),
                StatusCode::OK,
                "{seed}"
            );
            let expected = referrers(&app, &name, subject).await;
            assert_eq!(referrers(&app, &back, subject).await, expected, "{seed}");
        }
        // Under a tag it is the same.
        let (status, answer) = put(&app, &format!("{back}:v1"), out.to_vec()).await;
        assert_eq!(status, StatusCode::CREATED, "{seed}: {answer}");
        assert_eq!(answer["images"][0]["digest"], own);
    }
}
