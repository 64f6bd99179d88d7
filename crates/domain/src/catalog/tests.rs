use ripcord_manifest::{ReadRules, read};

use super::*;

fn catalog(files: &[(&str, &str)]) -> Catalog {
    let settings = Settings::default();
    let mut builder = CatalogBuilder::new(&settings, "main");
    for (path, text) in files {
        builder.add(path, read(path, text.as_bytes(), &ReadRules::default()));
    }
    builder.finish()
}

fn shown(catalog: &Catalog) -> Vec<String> {
    catalog
        .units
        .values()
        .map(|unit| format!("{} {} {}", unit.service, unit.environment, unit.version()))
        .collect()
}

const BASE: (&str, &str) = (
    "services/pay/base/kustomization.yaml",
    "resources: [deployment.yaml]\nimages:\n  - name: acme/pay\n    newTag: base1\n",
);

#[test]
fn an_overlay_with_its_own_tag_hides_the_base() {
    let catalog = catalog(&[
        BASE,
        (
            "services/pay/overlays/production/kustomization.yaml",
            "resources: [../../base]\nimages:\n  - name: acme/pay\n    newTag: prod7\n",
        ),
        (
            "services/pay/overlays/staging/kustomization.yaml",
            "resources: [../../base]\n",
        ),
    ]);
    assert_eq!(
        shown(&catalog),
        ["pay production prod7", "pay staging base1"]
    );
    let staging = &catalog.units[&(Service::new("pay"), Environment::new("staging"))];
    assert_eq!(staging.places[0].shared_with, []);
}

#[test]
fn a_base_that_two_environments_run_is_shared() {
    let catalog = catalog(&[
        BASE,
        (
            "services/pay/overlays/production/kustomization.yaml",
            "resources: [../../base]\n",
        ),
        (
            "services/pay/overlays/staging/kustomization.yaml",
            "resources: [../../base]\n",
        ),
    ]);
    let production = &catalog.units[&(Service::new("pay"), Environment::new("production"))];
    assert_eq!(
        production.places[0].shared_with,
        [(Service::new("pay"), Environment::new("staging"))]
    );
}

#[test]
fn a_base_of_another_folder_belongs_to_whoever_builds_on_it() {
    let catalog = catalog(&[
        (
            "common/web/kustomization.yaml",
            "images:\n  - name: acme/web\n    newTag: w1\n",
        ),
        (
            "services/cart/overlays/prod/kustomization.yaml",
            "resources: [../../../../common/web]\n",
        ),
        (
            "services/shop/overlays/prod/kustomization.yaml",
            "resources: [../../../../common/web]\n",
        ),
    ]);
    assert_eq!(shown(&catalog), ["cart prod w1", "shop prod w1"]);
}

#[test]
fn helm_values_of_the_chart_reach_every_environment_without_its_own() {
    let catalog = catalog(&[
        (
            "charts/pay/values.yaml",
            "image:\n  repository: acme/pay\n  tag: d0\n",
        ),
        ("charts/pay/values-production.yaml", "image:\n  tag: p1\n"),
        (
            "charts/pay/values-staging.yaml",
            "replicas: 2\nimage:\n  tag: s1\n",
        ),
    ]);
    assert_eq!(shown(&catalog), ["pay production p1", "pay staging s1"]);
}

#[test]
fn a_service_without_environments_takes_the_branchs_or_none() {
    let settings = Settings::default();
    let text = b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart}\nspec: {template: {spec: {containers: [{name: cart, image: 'acme/cart:1'}]}}}\n";
    for (branch, environment) in [("main", "default"), ("env/production", "production")] {
        let mut builder = CatalogBuilder::new(&settings, branch);
        builder.add(
            "cart/deployment.yaml",
            read("cart/deployment.yaml", text, &ReadRules::default()),
        );
        assert_eq!(shown(&builder.finish()), [format!("cart {environment} 1")]);
    }
}

#[test]
fn a_typo_or_an_unknown_environment_names_what_there_is() {
    let catalog = catalog(&[(
        "services/payments/overlays/prod/kustomization.yaml",
        "images:\n  - name: acme/payments\n    newTag: p\n",
    )]);
    let settings = Settings::default();
    assert_eq!(
        catalog
            .find(&settings, "payments", Some("production"))
            .unwrap()
            .version(),
        "p"
    );
    assert_eq!(
        catalog.find(&settings, "payments", None).unwrap().version(),
        "p"
    );
    let typo = catalog.find(&settings, "paymets", None).unwrap_err();
    assert_eq!(typo.code, "unknown_service");
    assert!(typo.hints[0].contains("payments"));
    let unknown = catalog
        .find(&settings, "payments", Some("staging"))
        .unwrap_err();
    assert_eq!(unknown.code, "unknown_environment");
    assert!(unknown.message.contains("prod"));
}

#[test]
fn the_image_named_like_the_service_is_its_version() {
    let catalog = catalog(&[(
        "services/pay/overlays/prod/kustomization.yaml",
        "images:\n  - name: acme/envoy\n    newTag: e1\n  - name: acme/pay\n    newTag: p1\n",
    )]);
    assert_eq!(shown(&catalog), ["pay prod p1"]);
}

#[test]
fn the_environments_own_tag_stands_before_a_default_of_the_chart() {
    let catalog = catalog(&[
        (
            "charts/e2e/values.yaml",
            "runner:\n  image: acme/e2e:latest\n",
        ),
        (
            "charts/app-config/image-tags/integration/e2e",
            "image_tag: v411\n",
        ),
    ]);
    assert_eq!(shown(&catalog), ["e2e integration v411"]);
}

#[test]
fn flux_sources_in_one_folder_are_services_of_their_own_names() {
    let source = |name: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: {name}}}\nspec: {{ref: {{tag: 1.2.3}}}}\n"
        )
    };
    let (cert, gateway) = (source("cert-manager"), source("gateway"));
    let catalog = catalog(&[
        ("infrastructure/controllers/cert-manager.yaml", &cert),
        ("infrastructure/controllers/envoy-gateway.yaml", &gateway),
    ]);
    assert_eq!(
        shown(&catalog),
        ["cert-manager default 1.2.3", "gateway default 1.2.3"]
    );
}
