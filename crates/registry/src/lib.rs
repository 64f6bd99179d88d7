//! Image registries, asked and never written: whether an image is still there, its digest, and what it was
//! built of.
//!
//! Who asks is whom `docker login` knows (`~/.docker/config.json`, its helpers too); else nobody. Secrets
//! of a cluster are not read: what nodes may pull says nothing about what a person may see.

mod labels;

use std::collections::BTreeMap;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

pub use labels::Labels;

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
        let asked = self.ask(image, async |asked: Asked| {
            let digest = asked
                .client
                .fetch_manifest_digest(&asked.image, &asked.who)
                .await;
            Ok(Presence::There { digest: digest? })
        });
        asked.await.unwrap_or_else(|presence| presence)
    }

    /// What an image says of itself: its labels and annotations.
    ///
    /// # Errors
    /// It is not there, hidden, or nothing was learnt: never [`Presence::There`].
    pub async fn labels(&self, image: &str) -> Result<Labels, Presence> {
        self.ask(image, labels::read).await
    }

    async fn ask<T>(
        &self,
        image: &str,
        question: impl AsyncFnOnce(Asked) -> Result<T, OciDistributionError>,
    ) -> Result<T, Presence> {
        let Ok(named) = image.parse::<Reference>() else {
            return Err(Presence::Unknown {
                why: format!("`{image}` is no image"),
            });
        };
        let registry = named.registry().to_owned();
        let answered = async {
            let asked = Asked::of(self.seen_from_here(&named))
                .await
                .map_err(|why| Presence::Unknown { why })?;
            let answer = question(asked).await;
            answer.map_err(|error| what_it_means(&registry, &error))
        };
        match tokio::time::timeout(self.limit, answered).await {
            Ok(answer) => answer,
            Err(_) => Err(Presence::Unknown {
                why: format!(
                    "{registry} does not answer within {:.1} s",
                    self.limit.as_secs_f64()
                ),
            }),
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

/// A question to a registry, as somebody.
pub(crate) struct Asked {
    pub(crate) client: Client,
    pub(crate) image: Reference,
    pub(crate) who: RegistryAuth,
}

impl Asked {
    async fn of(image: Reference) -> Result<Self, String> {
        let registry = image.registry().to_owned();
        // A helper is a program that may take its time.
        let who = tokio::task::spawn_blocking(move || credentials(&registry)).await;
        let who = who.map_err(|error| error.to_string())??;
        let host = image.resolve_registry().to_owned();
        let client = Client::new(ClientConfig {
            protocol: if is_loopback(&host) {
                ClientProtocol::HttpsExcept(vec![host])
            } else {
                ClientProtocol::Https
            },
            ..ClientConfig::default()
        });
        Ok(Self { client, image, who })
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
    use axum::extract::Path;
    use axum::http::{HeaderMap, HeaderValue, StatusCode};
    use axum::response::IntoResponse;
    use axum::routing::get;
    use sha2::Digest as _;

    use super::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    /// What the specification prescribes for a manifest that is not there
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>).
    const UNKNOWN: &str =
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const CONFIGURATION: &str = r#"{"architecture":"amd64","os":"linux","config":{"Labels":{"org.opencontainers.image.revision":"4f2a91c","org.opencontainers.image.source":"https://git.example/pay"}},"rootfs":{"type":"layers","diff_ids":[]}}"#;

    fn digest_of(text: &str) -> String {
        use std::fmt::Write as _;
        let mut digest = "sha256:".to_owned();
        for byte in sha2::Sha256::digest(text.as_bytes()) {
            let _ = write!(digest, "{byte:02x}");
        }
        digest
    }

    fn image() -> String {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[]}}"#,
            digest_of(CONFIGURATION),
            CONFIGURATION.len()
        )
    }

    /// An index as builders write it: what attests to the build stands beside the platform.
    fn index() -> String {
        let digest = digest_of(&image());
        let size = image().len();
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{IMAGE}","digest":"{DIGEST}","size":2,"platform":{{"architecture":"unknown","os":"unknown"}}}},{{"mediaType":"{IMAGE}","digest":"{digest}","size":{size},"platform":{{"architecture":"amd64","os":"linux"}}}}]}}"#
        )
    }

    fn manifest(kind: &'static str, text: &str) -> impl IntoResponse + use<> {
        ([("content-type", kind)], text.to_owned())
    }

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
                "/v2/acme/pay/manifests/index",
                get(|| async { manifest(INDEX, &index()) }),
            )
            .route(
                "/v2/acme/pay/manifests/plain",
                get(|| async { manifest(IMAGE, &image()) }),
            )
            .route(
                "/v2/acme/pay/manifests/{digest}",
                get(|Path(digest): Path<String>| async move {
                    if digest == digest_of(&image()) {
                        manifest(IMAGE, &image()).into_response()
                    } else {
                        (StatusCode::NOT_FOUND, UNKNOWN).into_response()
                    }
                }),
            )
            .route(
                "/v2/acme/pay/blobs/{digest}",
                get(|| async { CONFIGURATION }),
            )
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
        registries().await.look(image).await
    }

    async fn registries() -> Registries {
        let mirrors = BTreeMap::from([(HUB.to_owned(), registry().await)]);
        Registries::new(mirrors, Duration::from_millis(700))
    }

    #[tokio::test]
    async fn what_an_image_was_built_of_is_read_through_an_index() {
        for image in ["acme/pay:index", "acme/pay:plain"] {
            let labels = registries().await.labels(image).await.unwrap();
            assert_eq!(labels.revision.as_deref(), Some("4f2a91c"), "{image}");
            assert_eq!(labels.source.as_deref(), Some("https://git.example/pay"));
            assert!(labels.digest.starts_with("sha256:"));
        }
        let gone = registries().await.labels("acme/pay:v13").await;
        assert_eq!(gone, Err(Presence::Gone));
        let hidden = registries().await.labels("acme/secret:v1").await;
        assert_eq!(hidden, Err(Presence::Hidden));
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
