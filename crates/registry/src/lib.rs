//! Image registries, asked and never written: whether an image is still there, and its digest.
//!
//! Who asks is whom `docker login` knows (`~/.docker/config.json`, its helpers too); else nobody. Secrets
//! of a cluster are not read: what nodes may pull says nothing about what a person may see.

use std::collections::BTreeMap;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

/// What a registry says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    There {
        /// The digest of its manifest, with its algorithm.
        digest: String,
    },
    /// It is not there: it was never pushed, or was cleaned up.
    Gone,
    /// It is shown to nobody, or not to whoever asks.
    Hidden,
    /// Nothing was learnt.
    Unknown {
        /// Why.
        why: String,
    },
}

/// Docker Hub's name in images, in its API, and in the file of `docker login`.
const HUB: &str = "docker.io";
const HUB_LOGIN: &str = "https://index.docker.io/v1/";

/// The way to registries.
pub struct Registries {
    mirrors: BTreeMap<String, String>,
    limit: Duration,
}

impl Registries {
    /// With what each registry is called from here, such as `docker.io: mirror.acme.example`; no answer
    /// is waited for longer than the limit.
    pub fn new(mirrors: BTreeMap<String, String>, limit: Duration) -> Self {
        // Whoever was first has chosen; there is one provider only.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { mirrors, limit }
    }

    /// Whether an image is there, by its digest if it names one, else by its tag.
    pub async fn look(&self, image: &str) -> Presence {
        let Ok(named) = image.parse::<Reference>() else {
            return Presence::Unknown {
                why: format!("`{image}` is no image"),
            };
        };
        let image = self.seen_from_here(&named);
        match tokio::time::timeout(self.limit, ask(image)).await {
            Ok(presence) => presence,
            Err(_) => Presence::Unknown {
                why: format!(
                    "{} does not answer within {:.1} s",
                    named.registry(),
                    self.limit.as_secs_f64()
                ),
            },
        }
    }

    fn seen_from_here(&self, image: &Reference) -> Reference {
        let Some(mirror) = self.mirrors.get(image.registry()) else {
            return image.clone();
        };
        let (mirror, name) = (mirror.clone(), image.repository().to_owned());
        match (image.digest(), image.tag()) {
            (Some(digest), _) => Reference::with_digest(mirror, name, digest.to_owned()),
            (None, tag) => Reference::with_tag(mirror, name, tag.unwrap_or("latest").to_owned()),
        }
    }
}

async fn ask(image: Reference) -> Presence {
    let registry = image.registry().to_owned();
    // A helper is a program that may take its time.
    let who = tokio::task::spawn_blocking(move || credentials(&registry)).await;
    let who = match who {
        Ok(Ok(who)) => who,
        Ok(Err(why)) => return Presence::Unknown { why },
        Err(error) => {
            return Presence::Unknown {
                why: error.to_string(),
            };
        }
    };
    let host = image.resolve_registry().to_owned();
    let client = Client::new(ClientConfig {
        protocol: if is_loopback(&host) {
            ClientProtocol::HttpsExcept(vec![host])
        } else {
            ClientProtocol::Https
        },
        ..ClientConfig::default()
    });
    match client.fetch_manifest_digest(&image, &who).await {
        Ok(digest) => Presence::There { digest },
        Err(error) => what_it_means(image.registry(), &error),
    }
}

/// Without TLS a registry is only spoken to on this machine, as Docker does it
/// (<https://docs.docker.com/reference/cli/dockerd/#insecure-registries>).
fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.starts_with("127.")
}

/// Whom `docker login` knows at a registry.
fn credentials(registry: &str) -> Result<RegistryAuth, String> {
    let name = if registry == HUB { HUB_LOGIN } else { registry };
    match docker_credential::get_credential(name) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(RegistryAuth::Basic(user, password))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(RegistryAuth::Bearer(token)),
        // A file that is not there is the same to the library as one that cannot be opened.
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError,
        ) => Ok(RegistryAuth::Anonymous),
        // What a helper prints may hold what it is to keep.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => Err(format!(
            "the helper `docker-credential-{helper}` has no credentials for {registry}"
        )),
        Err(error) => Err(error.to_string()),
    }
}

fn what_it_means(registry: &str, error: &OciDistributionError) -> Presence {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_)
        | OciDistributionError::ServerError { code: 404, .. } => Presence::Gone,
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::ServerError {
            code: 401 | 403, ..
        } => Presence::Hidden,
        OciDistributionError::RegistryError { envelope, .. } => {
            let mut codes = envelope.errors.iter().map(|error| &error.code);
            match codes.next() {
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound,
                ) => Presence::Gone,
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => Presence::Hidden,
                _ => Presence::Unknown {
                    why: format!("{registry}: {envelope}"),
                },
            }
        }
        OciDistributionError::ServerError { code, .. } => Presence::Unknown {
            why: format!("{registry} answers HTTP {code}"),
        },
        // Its own words name the URL, and nothing else of use.
        OciDistributionError::RequestError(_) => Presence::Unknown {
            why: format!("{registry} does not answer"),
        },
        other => Presence::Unknown {
            why: format!("{registry}: {other}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::Router;
    use axum::http::{HeaderMap, HeaderValue, StatusCode};
    use axum::routing::get;

    use super::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    /// What the specification prescribes for a manifest that is not there
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>).
    const UNKNOWN: &str =
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#;

    /// A registry that answers as the specification says; its address.
    async fn registry() -> String {
        let there = || async {
            let mut headers = HeaderMap::new();
            headers.insert("docker-content-digest", HeaderValue::from_static(DIGEST));
            (StatusCode::OK, headers)
        };
        let router = Router::new()
            .route("/v2/", get(|| async { StatusCode::OK }))
            .route("/v2/acme/pay/manifests/v14", get(there))
            .route(
                "/v2/acme/secret/manifests/v1",
                get(|| async { (StatusCode::FORBIDDEN, DENIED) }),
            )
            .route(
                "/v2/acme/slow/manifests/v1",
                get(|| async { std::future::pending::<()>().await }),
            )
            .fallback(|| async { (StatusCode::NOT_FOUND, UNKNOWN) });
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address.to_string()
    }

    async fn look(image: &str) -> Presence {
        let mirrors = BTreeMap::from([(HUB.to_owned(), registry().await)]);
        let registries = Registries::new(mirrors, Duration::from_millis(700));
        registries.look(image).await
    }

    #[tokio::test]
    async fn an_image_is_there_gone_or_hidden_and_never_mixed_up() {
        let there = Presence::There {
            digest: DIGEST.to_owned(),
        };
        assert_eq!(look("acme/pay:v14").await, there);
        assert_eq!(look("acme/pay:v13").await, Presence::Gone);
        assert_eq!(look("acme/secret:v1").await, Presence::Hidden);
    }

    #[tokio::test]
    async fn a_registry_that_does_not_answer_says_nothing_about_the_image() {
        let Presence::Unknown { why } = look("acme/slow:v1").await else {
            panic!("something was learnt")
        };
        assert!(why.contains("docker.io does not answer"), "{why}");
        let nobody = Registries::new(BTreeMap::new(), Duration::from_secs(2));
        let gone = nobody.look("127.0.0.1:9/acme/pay:v1").await;
        assert!(matches!(gone, Presence::Unknown { .. }), "{gone:?}");
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        assert!(is_loopback("127.0.0.1:5000") && is_loopback("localhost"));
        assert!(!is_loopback("registry.acme.example") && !is_loopback("1270.example:5000"));
    }
}
