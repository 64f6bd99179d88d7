//! A service whose infra repo and source are on a forge, whose images are in a registry, and which Argo CD runs: all
//! real.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::Timestamp;
use ripcord_testbed::{
    FORGE_USER, Forge, Image, Options, PASSWORD, Pace, Runner, RunnerOptions, Testbed,
    Vulnerability, write_grype_database,
};
use ripcord_testkit::{Output, Ripcord};
use serde_json::{Value, json};

use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const IMAGE: &str = "acme/payments-service";
/// Checks the one thing that the service does.
const TESTS: &str = "grep -q 'charge once' pay.txt || { echo 'FAIL: charged twice'; exit 1; }\n";

pub(crate) fn bed() -> Testbed {
    Testbed::start(&Options {
        forge: true,
        ci: true,
        rollouts: false,
        pace: Pace::Quick,
        ..Options::default()
    })
    .unwrap()
}

/// Payments, whose infra repo and source are on the forge and whose images are in the registry.
pub(crate) struct Friday<'a> {
    pub(crate) outage: Outage<'a>,
    pub(crate) forge: Forge<'a>,
    /// The registry's host and port.
    registry: String,
    /// A clone of the source.
    pub(crate) source: PathBuf,
    /// What v14 was built of.
    pub(crate) released: String,
}

impl<'a> Friday<'a> {
    /// v14 runs, and CI of the infra repo takes deploys.
    pub(crate) fn quiet(bed: &'a Testbed) -> Self {
        let forge = bed.forge().unwrap();
        let registry = bed.registry().unwrap().host();
        let outage = Outage::on(bed, "auto-heal", "friday", PAYMENTS, "friday");
        let mut friday = Self {
            source: outage.scratch.path().join("source"),
            outage,
            forge,
            registry,
            released: String::new(),
        };
        friday.write_source();
        friday.released = friday.commit_source("Charge once");
        friday.push_image(GOOD, &friday.released);
        friday.write("pay.txt", "charge twice\n");
        let broken = friday.commit_source("Retry the charge");
        friday.push_image(BAD, &broken);
        friday.move_infra();
        friday
    }

    pub(crate) fn scratch_git(&self, folder: &std::path::Path, args: &[&str]) -> String {
        self.outage.scratch.git(folder, args).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.source.join(path), text).unwrap();
    }

    fn write_source(&self) {
        let url = self.forge.create_empty(PAYMENTS).unwrap();
        fs::create_dir(&self.source).unwrap();
        self.scratch_git(&self.source, &["init", "-q", "-b", "main"]);
        self.scratch_git(&self.source, &["remote", "add", "origin", &url]);
        self.write("pay.txt", "charge once\n");
        self.write("test.sh", TESTS);
        let dependency = Vulnerability::event_stream();
        self.write("package-lock.json", &dependency.lock_file("3.3.7"));
        let containerfile = "FROM scratch\nARG REVISION\nLABEL org.opencontainers.image.revision=$REVISION\nCOPY pay.txt package-lock.json /\n";
        self.write("Containerfile", containerfile);
        let trust = json!({"default": [{"type": "insecureAcceptAnything"}]});
        self.write("policy.json", &trust.to_string());
        let root = self.outage.scratch.path().join("containers");
        let buildah = format!(
            "buildah --root {0}/root --runroot {0}/run --storage-driver vfs",
            root.display()
        );
        let build = format!(
            "{buildah} bud -q --isolation chroot --signature-policy policy.json --timestamp 0 --build-arg REVISION=$RIPCORD_COMMIT -t $RIPCORD_IMAGE:$RIPCORD_TAG . && \
             {buildah} push -q --tls-verify=false --signature-policy policy.json --digestfile $RIPCORD_DIGEST_FILE $RIPCORD_IMAGE:$RIPCORD_TAG"
        );
        let keys = self.keys();
        let sign = format!(
            "COSIGN_PASSWORD= cosign sign --key {0}/cosign.key --yes --allow-http-registry --signing-config {0}/signing.json {{image}}",
            keys.display()
        );
        let policy = json!({"gate": {
            "checks": [{"name": "unit tests", "run": "sh test.sh", "time_box": "20s"}],
            "scan": {"with": "grype", "database_at_most": "48h"},
            "build": {"run": build, "image": format!("{}/{IMAGE}", self.registry)},
            "sign": {"run": sign},
            "normal": [{"name": "integration tests", "context": "ci / integration"}],
        }});
        self.write("ripcord.yaml", &policy.to_string());
    }

    /// A folder with a key to sign images with, and the settings by which nobody else is asked.
    fn keys(&self) -> PathBuf {
        let folder = self.outage.scratch.path().join("keys");
        fs::create_dir(&folder).unwrap();
        for args in [
            &["generate-key-pair"][..],
            &["signing-config", "create", "--out", "signing.json"],
        ] {
            let made = self.cosign(args);
            assert!(made.status.success(), "{made:?}");
        }
        folder
    }

    fn cosign(&self, args: &[&str]) -> std::process::Output {
        let scratch = &self.outage.scratch;
        let mut cosign = scratch.command(self.outage.bed.programs().join("cosign"));
        cosign
            .args(args)
            .env("COSIGN_PASSWORD", "")
            .current_dir(scratch.path().join("keys"));
        cosign.output().unwrap()
    }

    /// Whether an image in the registry is signed with the key.
    pub(crate) fn is_signed(&self, digest: &str) -> bool {
        let image = format!("{}/{IMAGE}@{digest}", self.registry);
        let verify = ["verify", "--key", "cosign.pub", "--allow-http-registry"];
        let more = ["--insecure-ignore-tlog=true", image.as_str()];
        self.cosign(&[&verify[..], &more].concat()).status.success()
    }

    /// Commits everything on the branch that is checked out, and pushes it.
    pub(crate) fn commit_source(&self, message: &str) -> String {
        self.scratch_git(&self.source, &["add", "-A"]);
        self.scratch_git(&self.source, &["commit", "-qm", message]);
        self.scratch_git(&self.source, &["push", "-q", "origin", "HEAD"]);
        let head = self.scratch_git(&self.source, &["rev-parse", "HEAD"]);
        head.trim().to_owned()
    }

    /// The image of the normal pipeline.
    pub(crate) fn push_image(&self, tag: &str, commit: &str) {
        let registry = self.outage.bed.registry().unwrap();
        let image = Image::new(IMAGE, tag).revision(commit);
        registry.push(&image).unwrap();
    }

    pub(crate) fn source_url(&self) -> String {
        format!("{}/{FORGE_USER}/{PAYMENTS}.git", self.forge.url())
    }

    pub(crate) fn infra_url(&self) -> String {
        format!("{}/{FORGE_USER}/infra.git", self.forge.url())
    }

    /// The infra repo on the forge, with the workflows of the infra side and v14 from the registry.
    fn move_infra(&mut self) {
        let url = self.forge.create_empty("infra").unwrap();
        self.outage.move_to(&url);
        let infra = self.outage.clone_dir().to_owned();
        self.scratch_git(&infra, &["branch", "-q", "--set-upstream-to=origin/main"]);
        let settings = json!({
            "forge": "gitea",
            "sources": {PAYMENTS: {"repository": self.source_url(), "forge": "gitea"}},
            "receive": {"keys": {"payments-ci": {
                "services": [PAYMENTS], "environments": ["production"],
            }}},
        });
        fs::write(infra.join("ripcord.yaml"), settings.to_string()).unwrap();
        let init = ["pipeline", "init", "gitea", "--side", "infra"];
        let more = ["--key", "payments-ci", "--branch", "main"];
        let _ = self
            .ripcord()
            .run([&init[..], &more].concat())
            .unwrap()
            .assert_code(0);
        self.forge
            .set_secret("infra", "RIPCORD_KEY_PAYMENTS_CI", KEY)
            .unwrap();
        self.deploy(GOOD);
        let source = json!({"spec": {"source": {"repoURL": self.infra_url()}}});
        self.outage
            .bed
            .application("friday")
            .merge(&source)
            .unwrap();
        self.outage.wait("v14 of the registry runs", |outage| {
            outage.runs(GOOD) && outage.app()["status"]["sync"]["status"] == "Synced"
        });
    }

    /// Commits a deploy to the infra repo as a person would.
    pub(crate) fn deploy(&self, tag: &str) -> String {
        let infra = self.outage.clone_dir();
        self.scratch_git(
            infra,
            &["pull", "-q", "--rebase", "--autostash", "origin", "main"],
        );
        let text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base\nimages:\n  - name: {IMAGE}\n    newName: {}/{IMAGE}\n    newTag: {tag}\n",
            self.registry
        );
        let path = "services/payments-service/overlays/production/kustomization.yaml";
        fs::write(infra.join(path), text).unwrap();
        self.scratch_git(infra, &["add", "-A"]);
        let message = format!("Deploy {PAYMENTS} {tag} to production");
        self.scratch_git(infra, &["commit", "-qm", &message]);
        self.scratch_git(infra, &["push", "-q", "origin", "HEAD:main"]);
        let tip = self.scratch_git(infra, &["rev-parse", "HEAD"]);
        self.outage.bed.application("friday").refresh().unwrap();
        tip.trim().to_owned()
    }

    /// ripcord in the clone of the infra repo.
    pub(crate) fn ripcord(&self) -> Ripcord {
        let helper = format!("!f() {{ echo username={FORGE_USER}; echo password={PASSWORD}; }}; f");
        self.outage
            .ripcord()
            .env("GIT_CONFIG_COUNT", "1")
            .env(
                "GIT_CONFIG_KEY_0",
                format!("credential.{}.helper", self.forge.url()),
            )
            .env("GIT_CONFIG_VALUE_0", helper)
    }

    /// ripcord in the clone of the source, with the scanner and a database of today.
    pub(crate) fn in_source(&self) -> Ripcord {
        let bed = self.outage.bed;
        let folder = self.database();
        let path = format!(
            "{}:{}",
            bed.programs().display(),
            std::env::var("PATH").unwrap_or_default()
        );
        self.ripcord()
            .in_dir(&self.source)
            .env("PATH", path)
            .env("GRYPE_DB_CACHE_DIR", folder.to_str().unwrap())
            .env("GRYPE_DB_AUTO_UPDATE", "false")
            .env("GRYPE_CHECK_FOR_APP_UPDATE", "false")
            .env("GRYPE_REGISTRY_INSECURE_USE_HTTP", "true")
            .env("RIPCORD_PROOF_KEY", KEY)
            .env("RIPCORD_REPO", self.outage.clone_dir().to_str().unwrap())
    }

    pub(crate) fn gate(&self, exit: i32) -> Value {
        let record = self.record();
        let args = ["hotfix", "gate", "--record", &record, "-o", "json"];
        let output = self.in_source().run(args).unwrap();
        output.assert_code(exit).json().unwrap()
    }

    pub(crate) fn record(&self) -> String {
        self.outage
            .scratch
            .path()
            .join("gate.json")
            .display()
            .to_string()
    }

    pub(crate) fn ship(&self, more: &[&str]) -> Output {
        let record = self.record();
        let args = [
            "hotfix",
            "ship",
            PAYMENTS,
            "--record",
            &record,
            "--incident",
            "INC-31",
        ];
        let more = [
            &["--key", "payments-ci", "--wait", "90s", "-o", "json"],
            more,
        ]
        .concat();
        self.in_source().run([&args[..], &more].concat()).unwrap()
    }

    pub(crate) fn debts(&self, args: &[&str], exit: i32) -> Value {
        let all = [&["hotfix"], args, &["-o", "json"]].concat();
        self.ripcord()
            .run(all)
            .unwrap()
            .assert_code(exit)
            .json()
            .unwrap()
    }

    /// Runs jobs of the forge, one at a time.
    pub(crate) fn runner(&self) -> Runner<'a> {
        let bed = self.outage.bed;
        let programs = self.outage.scratch.path().join("programs");
        fs::create_dir_all(&programs).unwrap();
        let ripcord = programs.join("ripcord");
        if !ripcord.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ripcord"), &ripcord).unwrap();
            let cosign = bed.programs().join("cosign");
            std::os::unix::fs::symlink(cosign, programs.join("cosign")).unwrap();
            let script = format!(
                "#!/bin/sh\nexport GRYPE_DB_CACHE_DIR={} GRYPE_DB_AUTO_UPDATE=false GRYPE_CHECK_FOR_APP_UPDATE=false GRYPE_REGISTRY_INSECURE_USE_HTTP=true\nexec {} \"$@\"\n",
                self.database().display(),
                bed.tools().program("grype").unwrap().display()
            );
            let grype = programs.join("grype");
            fs::write(&grype, script).unwrap();
            fs::set_permissions(&grype, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let action = self.outage.scratch.path().join("upload");
        fs::create_dir_all(&action).unwrap();
        let nothing =
            "name: nothing\nruns: {using: composite, steps: [{shell: bash, run: 'true'}]}\n";
        fs::write(action.join("action.yml"), nothing).unwrap();
        bed.runner(RunnerOptions {
            programs: vec![programs],
            actions: [("actions/upload-artifact".to_owned(), action)].into(),
            ..RunnerOptions::default()
        })
        .unwrap()
    }

    /// A database of today for the scanner.
    fn database(&self) -> PathBuf {
        let folder = self.outage.scratch.path().join("grype");
        let now = Timestamp::try_from(SystemTime::now()).unwrap();
        let known = [Vulnerability::event_stream()];
        write_grype_database(self.outage.bed.tools(), &folder, now, &known).unwrap();
        folder
    }

    /// A token of the administrator's that may do only this.
    pub(crate) fn token(&self, scopes: &[&str]) -> String {
        let path = format!("/users/{FORGE_USER}/tokens");
        let body = json!({"name": scopes.join(" "), "scopes": scopes});
        let made = self.forge.call("POST", &path, &body).unwrap().unwrap();
        made["sha1"].as_str().unwrap().to_owned()
    }

    /// Calls the forge's API of the source.
    pub(crate) fn api(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/repos/{FORGE_USER}/{PAYMENTS}{path}");
        self.forge.call(method, &path, body).unwrap().unwrap()
    }
}
