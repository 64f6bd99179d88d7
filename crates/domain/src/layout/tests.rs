use super::*;

fn of(path: &str) -> (Option<String>, Option<String>) {
    let owner = owner_of_path(&Settings::default(), path);
    (
        owner.service.map(|s| s.to_string()),
        owner.environment.map(|e| e.to_string()),
    )
}

fn both(service: &str, environment: &str) -> (Option<String>, Option<String>) {
    (Some(service.into()), Some(environment.into()))
}

fn object(kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_group: String::new(),
        kind: kind.into(),
        namespace: None,
        name: name.into(),
        document: 0,
        labels_service: None,
        destination: None,
        source_paths: Vec::new(),
    }
}

#[test]
fn the_usual_layouts_are_understood_without_configuration() {
    for (path, service, environment) in [
        (
            "services/payments/overlays/production/kustomization.yaml",
            "payments",
            "production",
        ),
        ("apps/payments/prod.yaml", "payments", "prod"),
        (
            "apps/payments/overlays/team-x/kustomization.yaml",
            "payments",
            "team-x",
        ),
        ("production/payments/values.yaml", "payments", "production"),
        ("prod-eu/payments/values.yaml", "payments", "prod-eu"),
        (
            "clusters/production/payments.yaml",
            "payments",
            "production",
        ),
        (
            "clusters/production/apps/payments/release.yaml",
            "payments",
            "production",
        ),
        (
            "charts/app-config/image-tags/integration/content-store",
            "content-store",
            "integration",
        ),
        (
            "charts/app-config/image-tags/integration/release",
            "release",
            "integration",
        ),
        (
            "image-tags/production/synthetic-app-canary",
            "synthetic-app-canary",
            "production",
        ),
        (
            "charts/payments/values-production.yaml",
            "payments",
            "production",
        ),
        (
            "charts/payments/values.production.yaml",
            "payments",
            "production",
        ),
        (
            "environments/staging/cart/kustomization.yml",
            "cart",
            "staging",
        ),
        (
            "overlays/production/payments/kustomization.yaml",
            "payments",
            "production",
        ),
        (
            "argocd/applications/payments-production.yaml",
            "payments",
            "production",
        ),
        (
            "k8s/envs/dev/team-a/checkout/deployment.yaml",
            "checkout",
            "dev",
        ),
        (
            "apps/payments/envs/us-east-1-prod/values.yaml",
            "payments",
            "us-east-1-prod",
        ),
    ] {
        assert_eq!(of(path), both(service, environment), "{path}");
    }
}

#[test]
fn what_all_environments_share_has_none() {
    for (path, service) in [
        ("services/payments/base/deployment.yaml", "payments"),
        ("charts/payments/values.yaml", "payments"),
        ("kubernetes/apps/media/plex/app/helmrelease.yaml", "plex"),
        ("payments/deployment.yaml", "payments"),
        ("manifests/frontend.yaml", "frontend"),
        (
            "services/contest-service/base/deployment.yaml",
            "contest-service",
        ),
    ] {
        assert_eq!(of(path), (Some(service.into()), None), "{path}");
    }
    assert_eq!(of("deployment.yaml"), (None, None));
}

#[test]
fn two_different_places_are_two_environments() {
    assert_eq!(
        of("clusters/eu-west-1/production/payments.yaml"),
        both("payments", "eu-west-1/production")
    );
    assert_eq!(
        of("clusters/prod/apps/payments/overlays/production/kustomization.yaml"),
        both("payments", "prod")
    );
}

#[test]
fn a_service_whose_name_contains_an_environment_word_keeps_it() {
    assert_eq!(
        of("services/live-chat/base/deployment.yaml"),
        (Some("live-chat".into()), None)
    );
    assert_eq!(
        of("services/test-runner/overlays/prod/kustomization.yaml"),
        both("test-runner", "prod")
    );
}

#[test]
fn an_application_is_a_service_of_its_own_name() {
    let app = object("Application", "payments-production");
    let owner = owner_by(
        &Settings::default(),
        "argocd/team-a/payments-production.yaml",
        Some(&app),
        Some(DeclarationKind::ArgoApplication),
    );
    assert_eq!(owner.service.unwrap().as_str(), "payments");
    assert_eq!(owner.environment.unwrap().as_str(), "production");
}

#[test]
fn the_object_names_the_service_where_the_path_does_not() {
    let mut deployment = object("Deployment", "frontend");
    deployment.namespace = Some("production".into());
    let owner = owner_by(
        &Settings::default(),
        "manifests/all.yaml",
        Some(&deployment),
        Some(DeclarationKind::Container),
    );
    assert_eq!(owner.service.unwrap().as_str(), "frontend");
    assert_eq!(owner.environment.unwrap().as_str(), "production");
}

#[test]
fn a_template_of_the_configuration_is_believed_first() {
    let settings = Settings::parse(
        "paths: ['{environment}/x/{service}/**']\naliases: {services: {pay: payments}}\n",
    )
    .unwrap();
    let owner = owner_of_path(&settings, "blue/x/pay/values.yaml");
    assert_eq!(owner.service.unwrap().as_str(), "payments");
    assert_eq!(owner.environment.unwrap().as_str(), "blue");
}
