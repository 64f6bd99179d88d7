//! The image registry is distribution, and its gateway has the troubles of real ones.

use std::fs;
use std::time::{Duration, Instant};

use ripcord_testbed::{Image, Options, Pace, Registry, Testbed, Trouble};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn bed() -> Testbed {
    let options = Options {
        argocd: false,
        rollouts: false,
        ci: true,
        pace: Pace::Quick,
        ..Options::default()
    };
    Testbed::start(&options).unwrap()
}

/// Asks as whoever is tested does.
fn head(bed: &Testbed, registry: &Registry<'_>, reference: &str) -> reqwest::Response {
    let url = format!("{}/v2/acme/web/manifests/{reference}", registry.url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // Without it distribution does not know an OCI manifest.
    let accepts = "application/vnd.oci.image.manifest.v1+json";
    let asked = client.head(url).header("accept", accepts).send();
    bed.block_on(asked).unwrap()
}

fn said_digest(answer: &reqwest::Response) -> &str {
    let digest = answer.headers().get("docker-content-digest");
    digest.unwrap().to_str().unwrap()
}

#[test]
fn an_image_says_what_it_was_built_of_and_its_tags_move_and_go() {
    let bed = bed();
    let registry = bed.registry().unwrap();
    let image = Image::new("acme/web", "v1").revision(COMMIT);
    let image = image.source("https://git.acme.example/web");
    let digest = registry.push(&image).unwrap();
    assert_eq!(digest, registry.push(&image).unwrap(), "the same image");
    let answer = head(&bed, &registry, "v1");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(said_digest(&answer), digest);
    let labels = registry.labels("acme/web", &digest).unwrap();
    assert_eq!(labels["org.opencontainers.image.revision"], COMMIT);
    let source = &labels["org.opencontainers.image.source"];
    assert_eq!(source, "https://git.acme.example/web");

    let other = registry.push(&Image::new("acme/web", "v2")).unwrap();
    assert_ne!(other, digest);
    registry.retag("acme/web", &other, "v1").unwrap();
    assert_eq!(registry.digest("acme/web", "v1").unwrap(), other);
    let mut tags = registry.tags("acme/web").unwrap();
    tags.sort();
    assert_eq!(tags, ["v1", "v2"]);
    registry.delete("acme/web", "v2").unwrap();
    assert_eq!(head(&bed, &registry, "v1").status().as_u16(), 404);
    assert_eq!(head(&bed, &registry, &digest).status().as_u16(), 200);
    let missing = registry.digest("acme/web", "v9").unwrap_err().to_string();
    assert!(
        missing.contains("MANIFEST_UNKNOWN") || missing.contains("404"),
        "{missing}"
    );
}

#[test]
fn a_registry_in_trouble_says_so_and_recovers() {
    let bed = bed();
    let registry = bed.registry().unwrap();
    let digest = registry.push(&Image::new("acme/web", "v1")).unwrap();

    registry.set_trouble(Trouble::Unauthorized);
    let answer = head(&bed, &registry, "v1");
    assert_eq!(answer.status().as_u16(), 401);
    assert!(answer.headers().contains_key("www-authenticate"));
    // The test's own hands are not tied.
    assert_eq!(registry.digest("acme/web", "v1").unwrap(), digest);

    registry.set_trouble(Trouble::TooMany { retry_after: 7 });
    let answer = head(&bed, &registry, "v1");
    assert_eq!(answer.status().as_u16(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");

    registry.set_trouble_for(1, Trouble::Broken);
    assert_eq!(head(&bed, &registry, "v1").status().as_u16(), 500);
    assert_eq!(head(&bed, &registry, "v1").status().as_u16(), 200);

    registry.set_trouble(Trouble::Slow(Duration::from_millis(300)));
    let asked = Instant::now();
    assert_eq!(head(&bed, &registry, "v1").status().as_u16(), 200);
    assert!(asked.elapsed() >= Duration::from_millis(300));

    registry.recover();
    assert_eq!(said_digest(&head(&bed, &registry, "v1")), digest);
    let asked = registry.requests();
    assert_eq!(asked.len(), 6, "{asked:?}");
    assert_eq!(asked[0], "HEAD /v2/acme/web/manifests/v1");
}

#[test]
fn what_stands_at_the_gateway_can_be_pushed_through_it() {
    let bed = bed();
    let registry = bed.registry().unwrap();
    let digest = registry.push(&Image::new("acme/web", "v1")).unwrap();
    let copied = std::process::Command::new(bed.programs().join("crane"))
        .arg("copy")
        .arg(format!("{}/acme/web:v1", registry.host()))
        .arg(format!("{}/other/web:v1", registry.host()))
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
    assert_eq!(registry.digest("other/web", "v1").unwrap(), digest);
}

#[test]
fn buildah_builds_the_same_image_twice_of_the_same_folder() {
    if !rustix::process::geteuid().is_root() {
        // Others need subordinate users, which a test cannot make.
        println!("not tried: buildah needs root or /etc/subuid");
        return;
    }
    let bed = bed();
    let registry = bed.registry().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "FROM scratch\nARG REVISION\n\
                LABEL org.opencontainers.image.revision=$REVISION\nCOPY app /app\n";
    fs::write(folder.path().join("Containerfile"), text).unwrap();
    fs::write(folder.path().join("app"), "one").unwrap();
    let build = |tag: &str| {
        let arguments = [("REVISION", COMMIT)];
        registry.build(folder.path(), "acme/web", tag, &arguments)
    };
    let first = build("v1").unwrap();
    assert_eq!(registry.digest("acme/web", "v1").unwrap(), first);
    let labels = registry.labels("acme/web", "v1").unwrap();
    assert_eq!(labels["org.opencontainers.image.revision"], COMMIT);
    assert_eq!(build("v2").unwrap(), first);
    fs::write(folder.path().join("app"), "two").unwrap();
    assert_ne!(build("v3").unwrap(), first);
    fs::write(
        folder.path().join("Containerfile"),
        "FROM scratch\nCOPY none /\n",
    )
    .unwrap();
    let error = build("v4").unwrap_err().to_string();
    assert!(error.starts_with("buildah failed"), "{error}");
}

#[test]
fn an_image_is_signed_with_a_key_and_no_service() {
    let bed = bed();
    let registry = bed.registry().unwrap();
    let digest = registry.push(&Image::new("acme/web", "v1")).unwrap();
    let image = format!("{}/acme/web@{digest}", registry.host());
    let home = tempfile::tempdir().unwrap();
    let cosign = |args: &[&str]| {
        std::process::Command::new(bed.programs().join("cosign"))
            .args(args)
            .env("COSIGN_PASSWORD", "")
            .env("HOME", home.path())
            .current_dir(home.path())
            .output()
            .unwrap()
    };
    let verify = [
        "verify",
        "--key",
        "cosign.pub",
        "--allow-http-registry",
        "--insecure-ignore-tlog=true",
        &image,
    ];
    assert!(cosign(&["generate-key-pair"]).status.success());
    let unsigned = cosign(&verify);
    assert_eq!(unsigned.status.code(), Some(10), "{unsigned:?}");
    let made = cosign(&["signing-config", "create", "--out", "signing.json"]);
    assert!(made.status.success(), "{made:?}");
    let sign = ["sign", "--key", "cosign.key", "--yes"];
    let settings = ["--allow-http-registry", "--signing-config", "signing.json"];
    let signed = cosign(&[&sign[..], &settings, &[&image]].concat());
    assert!(signed.status.success(), "{signed:?}");
    assert!(cosign(&verify).status.success());
    // It stands among the tags, which a listing must know.
    let tags = registry.tags("acme/web").unwrap();
    let signature = digest.replace(':', "-");
    assert!(
        tags.iter().any(|tag| tag.starts_with(&signature)),
        "{tags:?}"
    );
}
