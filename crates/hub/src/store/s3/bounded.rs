//! A bound on what the store may answer: the SDK reads everything but an object's bytes whole.

use std::mem;

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use http_body_util::Limited;

/// Most bytes of an answer that is no object: a list of a thousand keys of a kilobyte each, and as much again.
const ANSWER_MAX: usize = 2 * 1024 * 1024;

/// Ends answers with an error beyond the bound.
#[derive(Debug)]
pub(super) struct BoundedAnswers;

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "bounded answers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        operation: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let asks_for_object = operation
            .load::<Metadata>()
            .is_some_and(|operation| operation.name() == "GetObject");
        let answer = context.response_mut();
        if !(asks_for_object && answer.status().is_success()) {
            let body = mem::replace(answer.body_mut(), SdkBody::taken());
            *answer.body_mut() = SdkBody::from_body_1_x(Limited::new(body, ANSWER_MAX));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use crate::store::s3::S3Store;
    use crate::store::{BlobStore, Location, S3Options};

    /// A store that answers everything with the same status and a body of 64 MiB, and counts what is taken of it.
    async fn talkative(status: &'static str) -> (String, tokio::task::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = [0; 16 * 1024];
            let _ = client.read(&mut request).await.unwrap();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", 64 << 20);
            client.write_all(head.as_bytes()).await.unwrap();
            let (chunk, mut sent) = (vec![b'x'; 64 << 10], 0);
            while sent < 64 << 20 && client.write_all(&chunk).await.is_ok() {
                sent += chunk.len();
            }
            sent
        });
        (endpoint, answering)
    }

    #[tokio::test]
    #[ignore = "needs scripts/servers.sh up s3, for the credentials"]
    async fn the_words_of_a_store_are_not_read_without_end() {
        let (endpoint, answering) = talkative("403 Forbidden").await;
        let options = S3Options {
            bucket: "dockyard".to_owned(),
            endpoint: Some(endpoint),
            path_style: true,
            ..S3Options::default()
        };
        let store = S3Store::open(options).await.unwrap();
        let refused = store.read(Location::new(), 0..10).await.err().unwrap();
        assert!(refused.to_string().len() < 500, "{refused}");
        // What the kernel's buffers hold is sent too.
        let sent = answering.await.unwrap();
        assert!(sent < 16 << 20, "{sent} bytes were taken");
    }
}
