use serde_json::json;

use super::*;
use crate::live::application::{Destination, Source};

fn app(name: &str, path: &str) -> Application {
    Application {
        name: AppName {
            namespace: "argocd".into(),
            name: name.into(),
        },
        project: "default".into(),
        application_set: Some("all".into()),
        destination: Destination {
            server: "https://kubernetes.default.svc".into(),
            ..Destination::default()
        },
        sources: vec![Source {
            path: Some(path.into()),
            ..Source::default()
        }],
        ..Application::default()
    }
}

fn set(name: &str, path: &str) -> ApplicationSet {
    ApplicationSet {
        name: AppName {
            namespace: "argocd".into(),
            name: "all".into(),
        },
        template: Identity {
            name: name.into(),
            project: "default".into(),
            paths: vec![path.into()],
            ..Identity::default()
        },
        files: Vec::new(),
    }
}

fn file(path: &str, text: &str) -> Params {
    Params::of_file(path, text).unwrap()
}

fn names(made: Result<Vec<&Application>, String>) -> Vec<String> {
    let made = made.unwrap().into_iter();
    made.map(|app| app.name.name.clone()).collect()
}

#[test]
fn an_expression_is_the_parameter_that_it_names_in_either_language_of_templates() {
    let params = file(
        "envs/production/pay_ments/config.yaml",
        "env: prod\nimage: {tag: v15}\ncount: 3\n",
    );
    for (expression, value) in [
        ("env", Some("prod")),
        (" .env ", Some("prod")),
        ("- .image.tag -", Some("v15")),
        ("image.tag", Some("v15")),
        ("count", Some("3")),
        ("path", Some("envs/production/pay_ments")),
        (".path.path", Some("envs/production/pay_ments")),
        ("path.basename", Some("pay_ments")),
        (".path.basenameNormalized", Some("pay-ments")),
        (".path.filename", Some("config.yaml")),
        ("path[1]", Some("production")),
        ("index .path.segments 0", Some("envs")),
        ("path[9]", None),
        ("cluster", None),
        (".env | upper", None),
        ("image", None),
        ("", None),
    ] {
        assert_eq!(params.value(expression).as_deref(), value, "{expression}");
    }
    // In a list `path` is a parameter like any other.
    let element = Params::of_element(&json!({"path": "charts/pay"}));
    assert_eq!(element.value("path").as_deref(), Some("charts/pay"));
}

#[test]
fn the_application_of_the_changed_file_is_found_and_its_neighbours_are_not() {
    let apps = [
        app("pay-prod", "charts/pay"),
        app("pay-staging", "charts/pay"),
        app("cart-prod", "charts/cart"),
        Application {
            application_set: Some("others".into()),
            ..app("pay-prod", "charts/pay")
        },
        Application {
            application_set: None,
            ..app("pay-prod", "charts/pay")
        },
    ];
    let set = set("{{.service}}-{{.env}}", "charts/{{.service}}");
    let params = |service: &str, env: &str| {
        file(
            &format!("{env}/{service}.yaml"),
            &format!("service: {service}\nenv: {env}\n"),
        )
    };
    let fed = Fed {
        own: vec![params("pay", "prod")],
        others: vec![params("pay", "staging"), params("cart", "prod")],
    };
    let made = set.made_from(&fed, &apps).unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].name.name, "pay-prod");
}

#[test]
fn a_name_is_said_where_each_of_its_expressions_is_known() {
    let params = file("pay.yaml", "service: pay");
    assert!(set("{{service}}-prod", "").is_named_by(&params));
    assert!(!set("{{service}}-{{name}}", "").is_named_by(&params));
    assert!(!set("{{.service | upper}}", "").is_named_by(&params));
    assert!(!set("", "").is_named_by(&params));
}

#[test]
fn one_file_for_many_clusters_makes_many() {
    let apps = [
        app("pay-eu", "charts/pay"),
        app("pay-us", "charts/pay"),
        app("cart-eu", "charts/cart"),
    ];
    let set = set("{{service}}-{{name}}", "charts/{{service}}");
    let fed = Fed {
        own: vec![file("pay.yaml", "service: pay")],
        others: vec![file("cart.yaml", "service: cart")],
    };
    assert_eq!(names(set.made_from(&fed, &apps)), ["pay-eu", "pay-us"]);
}

#[test]
fn where_a_neighbour_may_be_meant_nobody_is() {
    let apps = [app("pay-cart-eu", "charts/all")];
    let set = set("{{service}}-{{name}}", "charts/all");
    let fed = Fed {
        own: vec![file("pay.yaml", "service: pay")],
        others: vec![file("pay-cart.yaml", "service: pay-cart")],
    };
    let said = set.made_from(&fed, &apps).unwrap_err();
    assert!(said.contains("argocd/pay-cart-eu"), "{said}");
}

#[test]
fn signs_of_a_glob_in_a_value_mean_themselves() {
    let apps = [app("pay-x-prod", "charts/pay")];
    let set = set("{{service}}-prod", "charts/pay");
    let fed = Fed {
        own: vec![file("a.yaml", "service: 'pay-*'")],
        others: Vec::new(),
    };
    assert!(names(set.made_from(&fed, &apps)).is_empty());
}

const LISTED: &str = "
kind: Namespace
metadata: {name: all}
---
kind: ApplicationSet
metadata: {name: all}
spec:
  generators:
    - list: {elements: [{env: prod, tag: v2}, {env: staging, tag: v3}]}
    - matrix:
        generators:
          - clusters: {}
          - list: {elements: [{cluster: c1, version: 1.2.3}]}
  template: {spec: {source: {targetRevision: v1}}}
";

fn key(text: &str) -> DeclarationKey {
    text.parse().unwrap()
}

#[test]
fn a_declaration_in_a_list_touches_its_element_and_one_in_the_template_all() {
    let of = |text: &str| elements(LISTED, "all", &[&key(text)]);
    let env = |params: &Params| params.value("env").unwrap_or_default();
    let fed = of("ApplicationSet/all:spec.generators[0].list.elements[env=prod]").unwrap();
    assert_eq!(fed.own.iter().map(env).collect::<Vec<_>>(), ["prod"]);
    assert_eq!(fed.others.len(), 2);
    let inner =
        "ApplicationSet/all:spec.generators[1].matrix.generators[1].list.elements[cluster=c1]";
    let fed = of(inner).unwrap();
    assert_eq!(fed.own[0].value("version").as_deref(), Some("1.2.3"));
    let fed = of("ApplicationSet/all:spec.template.spec.source").unwrap();
    assert_eq!((fed.own.len(), fed.others.len()), (1, 0));
    let apps = [app("any", "any")];
    assert_eq!(names(set("{{x}}", "{{y}}").made_from(&fed, &apps)), ["any"]);
}

#[test]
fn what_is_not_there_is_said() {
    let gone = key("ApplicationSet/all:spec.generators[0].list.elements[env=gone]");
    assert!(
        elements(LISTED, "all", &[&gone])
            .unwrap_err()
            .contains("env=gone")
    );
    assert!(
        elements(LISTED, "other", &[])
            .unwrap_err()
            .contains("other")
    );
    assert!(elements("a: [", "all", &[]).is_err());
    assert!(
        Params::of_file("a.yaml", "- 1\n")
            .unwrap_err()
            .contains("a.yaml")
    );
    assert!(Params::of_file("a.yaml", "a: [").is_err());
}
