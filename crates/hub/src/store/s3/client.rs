//! The client of the store, made from its options.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region, ResponseChecksumValidation};
use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::bounded::BoundedAnswers;
use crate::store::{Encryption, S3Options};

const DEFAULT_REGION: &str = "us-east-1";
/// Tries of a request before its failure is told, with growing pauses in between.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time until an answer begins.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

impl Encryption {
    pub(super) const fn kind(&self) -> ServerSideEncryption {
        match self {
            Self::Aes256 => ServerSideEncryption::Aes256,
            Self::Kms(_) => ServerSideEncryption::AwsKms,
        }
    }

    pub(super) fn key(&self) -> Option<String> {
        match self {
            Self::Aes256 => None,
            Self::Kms(key) => key.clone(),
        }
    }
}

impl S3Options {
    /// Is the region, unless AWS's chain is to be asked, which asks the machine's cloud at its end.
    fn region(&self) -> Option<String> {
        let of_environment = || {
            let names = ["AWS_REGION", "AWS_DEFAULT_REGION"];
            names.iter().find_map(|name| std::env::var(name).ok())
        };
        let region = self.region.clone();
        match self.endpoint {
            Some(_) => region
                .or_else(of_environment)
                .or_else(|| Some(DEFAULT_REGION.to_owned())),
            None => region,
        }
    }

    /// Reads the credentials' chain and makes a client.
    pub(super) async fn client(&self) -> Client {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let retries = RetryConfig::standard()
            .with_max_attempts(TRIES)
            .with_initial_backoff(FIRST_PAUSE)
            .with_max_backoff(LONGEST_PAUSE);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(ANSWER_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(retries)
            .timeout_config(timeouts);
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(region) = self.region() {
            loader = loader.region(Region::new(region));
        }
        let found = loader.load().await;
        let region = found.region().cloned();
        let config = Builder::from(&found)
            .region(region.unwrap_or(Region::from_static(DEFAULT_REGION)))
            .force_path_style(self.path_style)
            .interceptor(BoundedAnswers)
            // Ranges have none, and what is pulled is checked against its digest.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Client::from_conf(config)
    }
}
