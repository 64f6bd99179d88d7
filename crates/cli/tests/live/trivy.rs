//! `hotfix gate` with the real Trivy, where one is on PATH; and the recorded outputs, which are what it wrote.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::{Timestamp, ToSpan as _};
use ripcord_testbed::{
    Image, Options, Pace, Testbed, Vulnerability, npm_lock_file, write_trivy_database,
};
use ripcord_testkit::{InfraRepo, Ripcord, Scratch};
use serde_json::{Value, json};

/// With it the recorded outputs are written anew; see the README beside them.
const RECORD: &str = "RIPCORD_RECORD_TRIVY";

/// The version whose outputs are recorded.
const RECORDED: &str = "0.74.0";

/// What the database knows: one in lodash that stops a hotfix, one in ms that does not.
fn known() -> [Vulnerability; 2] {
    let one = |id: &str, cve: &str, package: &str, affected: &str, fixed: &str, severity: &str| {
        Vulnerability {
            id: id.to_owned(),
            cve: cve.to_owned(),
            ecosystem: "npm".to_owned(),
            package: package.to_owned(),
            affected: affected.to_owned(),
            fixed: fixed.to_owned(),
            severity: severity.to_owned(),
            description: format!("Something is wrong with {package}."),
        }
    };
    [
        one(
            "GHSA-aaaa-bbbb-0001",
            "CVE-2026-0001",
            "lodash",
            "< 4.17.12",
            "4.17.12",
            "critical",
        ),
        one(
            "GHSA-aaaa-bbbb-0002",
            "CVE-2026-0002",
            "ms",
            "<= 2.0.0",
            "",
            "low",
        ),
    ]
}

struct Shop {
    scratch: Scratch,
    source: PathBuf,
    programs: PathBuf,
    bed: Testbed,
}

impl Shop {
    /// None where there is no Trivy to be tested with.
    #[expect(
        clippy::print_stderr,
        reason = "who runs tests sees which one did nothing"
    )]
    fn new() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let trivy = std::env::split_paths(&path)
            .map(|folder| folder.join("trivy"))
            .find(|program| program.is_file());
        let Some(trivy) = trivy else {
            eprintln!("no `trivy` on PATH: the recorded outputs of {RECORDED} stand for it");
            return None;
        };
        let bed = Testbed::start(&Options {
            argocd: false,
            rollouts: false,
            ci: true,
            pace: Pace::Quick,
            ..Options::default()
        })
        .unwrap();
        let scratch = Scratch::new().unwrap();
        let mut origin = InfraRepo::new(&scratch, "shop.git").unwrap();
        origin.write("README.md", "A shop.\n");
        origin.commit("Begin").land().unwrap();
        let source = scratch.clone_of(&origin.url(), "shop").unwrap();
        let branch = ["switch", "-q", "-c", "hotfix/INC-31-x"];
        scratch.git(&source, &branch).unwrap();
        let programs = scratch.path().join("programs");
        fs::create_dir(&programs).unwrap();
        let shop = Self {
            scratch,
            source,
            programs,
            bed,
        };
        shop.keep_what_it_says(&trivy);
        shop.database(0);
        shop.commit(
            "ripcord.yaml",
            "gate:\n  checks: [{name: unit tests, run: 'true'}]\n",
        );
        Some(shop)
    }

    /// A `trivy` that is the real one, and leaves what it said and wrote beside itself.
    fn keep_what_it_says(&self, trivy: &Path) {
        let kept = self.programs.display();
        let script = format!(
            "#!/bin/sh\n\
             call=$(ls '{kept}' | grep -c '^said')\n\
             '{}' \"$@\" 2>'{kept}/said'$call\n\
             code=$?\n\
             cat '{kept}/said'$call >&2\n\
             echo \"$code\" >>'{kept}/codes'\n\
             for word in \"$@\"; do\n\
               [ \"$last\" != --output ] || cp \"$word\" '{kept}/report.json' 2>/dev/null\n\
               last=$word\n\
             done\n\
             exit $code\n",
            trivy.display(),
        );
        let program = self.programs.join("trivy");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The database is from so many days ago.
    fn database(&self, days: i64) {
        let now = Timestamp::try_from(SystemTime::now()).unwrap();
        let built = now.checked_sub((days * 24).hours()).unwrap();
        write_trivy_database(self.bed.tools(), &self.cache(), built, &known()).unwrap();
    }

    fn cache(&self) -> PathBuf {
        self.scratch.path().join("trivy")
    }

    fn commit(&self, path: &str, text: &str) {
        let file = self.source.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self.scratch.git(&self.source, &["add", "-A"]).unwrap();
        self.scratch
            .git(&self.source, &["commit", "-qm", path])
            .unwrap();
    }

    /// The record of a gate that ends with this code, after a scan of the sources that comes to this verdict by
    /// calls of Trivy that end with these codes.
    #[track_caller]
    fn scan(&self, exit: i32, verdict: &str, codes: &str) -> Value {
        let (record, ended) = self.gate(exit);
        let scan = check(&record, "source scan");
        assert_eq!((&scan["verdict"], &*ended), (&json!(verdict), codes));
        record
    }

    /// The record of a gate that ends with this code, and the codes with which Trivy ended.
    #[track_caller]
    fn gate(&self, exit: i32) -> (Value, String) {
        for old in ["codes", "report.json", "said0", "said1", "said2"] {
            let _ = fs::remove_file(self.programs.join(old));
        }
        let path = std::env::var("PATH").unwrap();
        let cache = self.cache();
        let output = Ripcord::new(&self.scratch, env!("CARGO_BIN_EXE_ripcord"))
            .in_dir(&self.source)
            .at("")
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env("TRIVY_CACHE_DIR", cache.to_str().unwrap())
            // Nobody outside is asked.
            .env("TRIVY_DB_REPOSITORY", "127.0.0.1:1/none")
            .env("TRIVY_SKIP_VERSION_CHECK", "true")
            .run(["-o", "json", "hotfix", "gate"])
            .unwrap()
            .assert_code(exit);
        let codes = fs::read_to_string(self.programs.join("codes")).unwrap();
        (
            output.json().unwrap(),
            codes.split_whitespace().collect::<Vec<_>>().join(" "),
        )
    }

    /// What Trivy wrote last is what is recorded, but for names, times and numbers of one run.
    fn assert_recorded(&self, name: &str) {
        let file = recorded(name);
        let report = fs::read_to_string(self.programs.join("report.json")).unwrap();
        let mut report: Value = serde_json::from_str(&report).unwrap();
        if report["Trivy"]["Version"] != RECORDED {
            return;
        }
        report["ReportID"] = "00000000-0000-7000-8000-000000000000".into();
        report["CreatedAt"] = "2026-11-20T17:15:00Z".into();
        report["ArtifactName"] = "shop".into();
        report["ArtifactID"] = format!("sha256:{}", "0".repeat(64)).into();
        // Of an image it holds the host that it came from.
        report.as_object_mut().unwrap().remove("Metadata");
        for result in list(&mut report, "Results") {
            for one in list(result, "Vulnerabilities") {
                // A digest of what was scanned, too.
                one["Fingerprint"] = format!("sha256:{}", "0".repeat(64)).into();
                one.as_object_mut().unwrap().remove("Layer");
            }
            for one in list(result, "Packages") {
                one.as_object_mut().unwrap().remove("Layer");
            }
        }
        let text = format!("{}\n", serde_json::to_string_pretty(&report).unwrap());
        if std::env::var_os(RECORD).is_some() {
            fs::write(file, text).unwrap();
            return;
        }
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            text,
            "{}",
            file.display()
        );
    }

    /// What Trivy said when it failed in one of its calls is what is recorded, its time left out.
    fn assert_said(&self, call: usize, name: &str) {
        let said = fs::read_to_string(self.programs.join(format!("said{call}"))).unwrap();
        let file = recorded(name);
        if std::env::var_os(RECORD).is_some() {
            fs::write(&file, &said).unwrap();
        }
        let words = |text: &str| {
            text.split_once("\tFATAL\t")
                .unwrap()
                .1
                .lines()
                .next()
                .unwrap()
                .to_owned()
        };
        assert_eq!(words(&fs::read_to_string(file).unwrap()), words(&said));
    }
}

/// What a field holds, which may not be there.
fn list<'a>(of: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let all = of.get_mut(field).and_then(Value::as_array_mut);
    all.into_iter().flatten()
}

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded/trivy-0.74.0")
        .join(name)
}

fn check<'a>(record: &'a Value, name: &str) -> &'a Value {
    let mut checks = record["checks"].as_array().unwrap().iter();
    checks.find(|one| one["name"] == name).unwrap()
}

#[test]
fn the_real_trivy_is_understood_whatever_it_comes_to() {
    let Some(shop) = Shop::new() else { return };
    let _ = shop.scan(3, "nothing_scanned", "0");
    shop.assert_recorded("nothing.json");

    shop.commit(
        "package-lock.json",
        &npm_lock_file(&[("lodash", "4.17.4"), ("ms", "2.0.0")]),
    );
    let record = shop.scan(3, "found", "10");
    assert_eq!(
        check(&record, "source scan")["found"],
        1,
        "the low one is below the threshold"
    );
    assert_eq!(
        check(&record, "source scan")["findings"][0]["id"],
        "CVE-2026-0001"
    );
    shop.assert_recorded("found.json");

    shop.commit(
        "package-lock.json",
        &npm_lock_file(&[("lodash", "4.17.21"), ("ms", "2.1.0")]),
    );
    let record = shop.scan(0, "passed", "0");
    assert!(
        check(&record, "source scan").get("why").is_none(),
        "{record}"
    );
    assert!(
        check(&record, "source scan")["tool"]["database"].is_string(),
        "{record}"
    );
    shop.assert_recorded("clean.json");

    // It says nothing of a file that it cannot read beside one that it can.
    shop.commit("web/package-lock.json", "{\"lockfileVersion\": 3,\n");
    let record = shop.scan(0, "passed", "0");
    let why = check(&record, "source scan")["why"].as_str().unwrap();
    assert!(
        why.contains("took nothing from web/package-lock.json"),
        "{why}"
    );
    shop.assert_recorded("clean.json");

    // Its server is away: the database of yesterday will do, and one of last month will not.
    shop.database(1);
    let record = shop.scan(0, "passed", "1 0");
    assert_eq!(record["rescan_owed"], true);
    shop.database(30);
    let _ = shop.scan(3, "database_too_old", "1 0");
    fs::remove_dir_all(shop.cache()).unwrap();
    let _ = shop.scan(3, "scanner_failed", "1 1");
    shop.assert_said(0, "no-server.txt");
    shop.assert_said(1, "no-database.txt");
}

#[test]
fn the_real_trivy_finds_a_critical_that_only_the_image_has() {
    let Some(shop) = Shop::new() else { return };
    let registry = shop.bed.registry().unwrap();
    let image = |tag: &str, version: &str| {
        let package = json!({"name": "lodash", "version": version}).to_string();
        let image =
            Image::new("acme/shop", tag).file("srv/node_modules/lodash/package.json", &package);
        registry.push(&image).unwrap()
    };
    shop.commit(
        "package-lock.json",
        &npm_lock_file(&[("lodash", "4.17.21")]),
    );
    for (tag, version, exit, verdict) in [
        ("bad", "4.17.4", 3, "found"),
        ("good", "4.17.21", 0, "passed"),
    ] {
        let digest = image(tag, version);
        let policy = format!(
            "gate:\n  checks: [{{name: unit tests, run: 'true'}}]\n  build: {{run: 'echo {digest} > $RIPCORD_DIGEST_FILE', image: {}/acme/shop}}\n",
            registry.host()
        );
        shop.commit("ripcord.yaml", &policy);
        let (record, _) = shop.gate(exit);
        let scan = check(&record, "image scan");
        assert_eq!(scan["verdict"], verdict, "{scan}");
        shop.assert_recorded(&format!("image-{verdict}.json"));
    }
}
