//! Where in a tree a service can be, so that the rest need not be read.

use std::collections::BTreeSet;

use crate::config::Settings;
use crate::layout::folder_service;
use crate::names::Service;
use crate::path_template::Below;
use crate::quarantine;

/// Whether a path can be a service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By the path alone.
    Certain,
    /// If the object in the file, or a folder further down, says so.
    Possible,
    /// Not at all.
    Never,
}

/// Whether a file, or with `is_folder` anything below a folder, can be one of these services'. This
/// agrees with [`owner`](crate::layout::owner): what is `Never` here is never theirs there.
pub fn reach(
    settings: &Settings,
    path: &str,
    is_folder: bool,
    services: &BTreeSet<Service>,
) -> Reach {
    if quarantine::is_ours(path) {
        Reach::Never
    } else if is_folder {
        of_folder(settings, path, services)
    } else {
        of_file(settings, path, services)
    }
}

fn of_file(settings: &Settings, path: &str, services: &BTreeSet<Service>) -> Reach {
    let named = settings.captured(path).and_then(|names| names.service);
    match named {
        Some(name) => certainly(services.contains(&settings.service(&name))),
        None => by_convention(settings, path, false, services),
    }
}

fn of_folder(settings: &Settings, path: &str, services: &BTreeSet<Service>) -> Reach {
    let inside = format!("{path}/x");
    let mut reach = by_convention(settings, &inside, true, services);
    for below in settings.below(path) {
        let by_template = match below {
            Below::Nothing => continue,
            Below::Service(name) => certainly(services.contains(&settings.service(&name))),
            Below::Anything => Reach::Possible,
        };
        if reach != by_template {
            reach = Reach::Possible;
        }
    }
    reach
}

fn by_convention(
    settings: &Settings,
    path: &str,
    is_folder: bool,
    services: &BTreeSet<Service>,
) -> Reach {
    if !settings.infers() {
        // Nobody's by its path, but others may build on it.
        return Reach::Possible;
    }
    let Some((name, settled)) = folder_service(path) else {
        return Reach::Possible;
    };
    let is_its = services.contains(&settings.service(name));
    if (is_its && !is_folder) || settled {
        certainly(is_its)
    } else {
        Reach::Possible
    }
}

fn certainly(is_its: bool) -> Reach {
    if is_its { Reach::Certain } else { Reach::Never }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ripcord_manifest::ReadRules;

    use super::*;
    use crate::layout;

    const CONFIGURATIONS: &[&str] = &[
        "",
        "aliases: {services: {pay: payments}}",
        "paths: ['services/{service}/overlays/{environment}']",
        "paths: ['teams/{service}/{environment}.yaml', 'prod/**/{service}/values.yaml']",
        "paths: ['apps/{service}-{environment}/deploy.yaml', 'pay/**']",
        "infer: false\npaths: ['services/{service}/overlays/{environment}']",
        "version_files: [{path: 'services/{service}/{environment}.txt'}]",
        "aliases: {services: {pay: payments}}\npaths: ['services/{service}/**']",
    ];

    const WORDS: &[&str] = &[
        "services",
        "apps",
        "teams",
        "payments",
        "pay",
        "cart",
        "prod",
        "overlays",
        "base",
        "image-tags",
        "clusters",
        "values",
        ".ripcord",
        "quarantine",
        "pay-prod",
        "payments-prod",
        "group",
    ];

    const FILES: &[&str] = &[
        "deploy.yaml",
        "prod.yaml",
        "payments.yaml",
        "pay.yaml",
        "values.yaml",
        "prod.txt",
        "cart",
    ];

    const DEPLOYMENT: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: NAME}, spec: \
        {template: {spec: {containers: [{name: main, image: 'x:1'}]}}}}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_is_never_a_services_is_not_given_to_it_by_the_layout(
            configuration in prop::sample::select(CONFIGURATIONS),
            folders in prop::collection::vec(prop::sample::select(WORDS), 0..6),
            file in prop::sample::select(FILES),
            object in prop::sample::select(WORDS),
        ) {
            let settings = Settings::parse(configuration).unwrap();
            let folders: Vec<&str> = folders;
            let path = [&folders[..], &[file]].concat().join("/");
            let text = DEPLOYMENT.replace("NAME", object);
            let facts = ripcord_manifest::read("x.yaml", text.as_bytes(), &ReadRules::default());
            let owner = layout::owner(&settings, &path, &facts.declarations[0]);
            if let Some(service) = owner.service.map(|service| BTreeSet::from([service])) {
                prop_assert_ne!(reach(&settings, &path, false, &service), Reach::Never, "{}", path);
                for length in 1..=folders.len() {
                    let folder = folders[..length].join("/");
                    prop_assert_ne!(reach(&settings, &folder, true, &service), Reach::Never,
                        "{} of {}", folder, path);
                }
            }
        }
    }

    #[test]
    fn neighbours_are_not_entered_with_the_templates_and_aliases_that_init_writes() {
        let text = "aliases: {services: {pay: payments}}\npaths: ['services/{service}/overlays/{environment}']";
        let settings = Settings::parse(text).unwrap();
        let service = BTreeSet::from([Service::new("payments")]);
        let at = |path| reach(&settings, path, true, &service);
        assert_eq!(at("services/cart/overlays"), Reach::Never);
        assert_eq!(at("services/payments/overlays"), Reach::Certain);
        assert_eq!(at("services/pay/overlays"), Reach::Certain);
    }
}
