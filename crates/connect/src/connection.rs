//! The connections to a Kubernetes API.

use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{ClientBuilder, ConfigExt as _};
use kube::{Client, Config, Error};
use tower::{BoxError, ServiceBuilder};

/// A client whose questions leave at once.
///
/// The connections that `kube` makes by itself leave it to the system to hold a small piece back until the
/// one before is acknowledged, which the other side puts off for 40 ms: at every handshake. `kubectl` does
/// not wait either. Through a proxy they are `kube`'s.
///
/// # Errors
/// Certificates, a credential plugin or a proxy that cannot be used.
pub(crate) fn client(config: Config) -> Result<Client, Error> {
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Connections::builder(TokioExecutor::new()).build(connector));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cluster_behind_a_proxy_has_a_client_too() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for proxy in [
            None,
            Some("http://127.0.0.1:3128"),
            Some("socks5://127.0.0.1:1080"),
        ] {
            let mut config = Config::new("https://127.0.0.1:6443".parse().unwrap());
            config.proxy_url = proxy.map(|url| url.parse().unwrap());
            assert!(client(config).is_ok(), "{proxy:?}");
        }
    }
}
