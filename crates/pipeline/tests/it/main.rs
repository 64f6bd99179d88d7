//! The files for every forge and side, what becomes of people's edits, and every rule with the one line that breaks it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of a test may fail it on the spot"
)]

mod checking;
mod generated;
mod merging;
mod rules;

use ripcord_domain::Service;
use ripcord_domain::config::Forge;
use ripcord_pipeline::{Download, Settings, Side, Texts, regenerate};

pub(crate) const FORGES: [Forge; 3] = [Forge::Github, Forge::Gitlab, Forge::Gitea];
pub(crate) const SIDES: [Side; 2] = [Side::Service, Side::Infra];

/// Settings that say everything that can be said.
pub(crate) fn settings(forge: Forge, side: Side) -> Settings {
    let mut settings = Settings::new(forge, side, "0.4.0");
    if side == Side::Service {
        settings.service = Some(Service::new("checkout-service"));
        let host = match forge {
            Forge::Github => "github.com",
            Forge::Gitlab => "gitlab.com",
            Forge::Gitea => "git.acme.example",
        };
        settings.infra = Some(format!("https://{host}/acme/ecommerce-infra"));
        settings.scanner = Some(Download {
            program: "trivy".to_owned(),
            version: "0.74.0".to_owned(),
            url: Some("https://releases.acme.example/trivy_0.74.0.tar.gz".to_owned()),
            sha256: Some("b".repeat(64)),
        });
    }
    settings.keys = vec!["checkout-ci".to_owned()];
    settings.registry = Some(
        match forge {
            Forge::Gitlab => "registry.gitlab.com",
            _ => "ghcr.io",
        }
        .to_owned(),
    );
    settings.ripcord.url = Some("https://releases.acme.example/ripcord-0.4.0.tar.gz".to_owned());
    settings.ripcord.sha256 = Some("a".repeat(64));
    settings
}

/// What a repository holds after `pipeline init`.
pub(crate) fn initialised(settings: &Settings) -> Texts {
    let mut texts = Texts::new();
    write(settings, &mut texts);
    texts
}

/// Does what the changes say.
pub(crate) fn write(settings: &Settings, texts: &mut Texts) {
    for change in regenerate(settings, texts).unwrap() {
        for write in change.writes {
            texts.insert(write.path, write.text);
        }
    }
}
