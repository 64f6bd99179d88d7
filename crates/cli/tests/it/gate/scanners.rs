//! What each scanner can do wrong, and what around it can hide a finding.

use std::fs;

use super::{CLEAN, DIGEST, FOUND, Shop, policy, verdict};

impl Shop {
    /// How many packages grype says that it looked at.
    fn components(&self, count: usize) {
        let file = r#"{"type":"file","name":"/package-lock.json"}"#;
        let package = r#",{"type":"library","name":"ms"}"#.repeat(count);
        let list = format!(r#"{{"bomFormat":"CycloneDX","components":[{file}{package}]}}"#);
        fs::write(self.programs.join("components.json"), list).unwrap();
    }

    /// A grype that writes this report where it is told to, after `before`.
    fn grype(&self, before: &str, report: &str) {
        fs::write(self.programs.join("grype.json"), report).unwrap();
        self.components(1);
        let script = format!(
            "{before}\nlast=\nfor word in \"$@\"; do\n  case \"$last=$word\" in\n    --file=*) cp {0}/grype.json \"$word\" ;;\n    -o=json=*) cp {0}/grype.json \"${{word#json=}}\" ;;\n    -o=cyclonedx-json=*) cp {0}/components.json \"${{word#cyclonedx-json=}}\" ;;\n  esac\n  last=$word\ndone\n",
            self.programs.display()
        );
        self.program("grype", &script);
    }
}

/// A shop that scans by a script of its own, which writes SARIF.
fn sarif_shop(script: &str, more: &str) -> Shop {
    let scan = "  scan: {with: sarif, run: 'sh scan.sh', run_image: 'sh scan.sh {image}', sarif: out.sarif}\n";
    let shop = Shop::new(&policy("true", &format!("{scan}{more}")));
    fs::write(shop.clone.join("scan.sh"), script).unwrap();
    fs::write(shop.clone.join(".gitignore"), "out.sarif\n").unwrap();
    shop.stage
        .git(&shop.clone, &["add", "scan.sh", ".gitignore"]);
    shop.stage.git(&shop.clone, &["commit", "-qm", "Scan"]);
    shop
}

const SARIF_FOUND: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[{"id":"V1","properties":{"security-severity":"9.1"}}]}},"results":[{"ruleId":"V1"}]}]}"#;
const SARIF_CLEAN: &str =
    r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}"#;

#[test]
fn any_other_scanner_goes_by_sarif() {
    let shop = sarif_shop(&format!("echo '{SARIF_FOUND}' > out.sarif\n"), "");
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "found");
    assert_eq!(record["checks"][1]["findings"][0]["id"], "V1");
}

#[test]
fn a_scanner_that_crashes_does_not_pass_by_a_report_from_before() {
    let shop = sarif_shop("echo boom >&2\nexit 2\n", "");
    fs::write(shop.clone.join("out.sarif"), SARIF_CLEAN).unwrap();
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
    let shop = sarif_shop("true\n", "");
    fs::write(shop.clone.join("out.sarif"), SARIF_CLEAN).unwrap();
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
}

#[test]
fn an_image_scan_that_writes_nothing_does_not_pass_by_the_report_of_the_source_scan() {
    let build = format!(
        "  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/shop}}\n"
    );
    let script = format!("[ -n \"$1\" ] || echo '{SARIF_CLEAN}' > out.sarif\n");
    let record = sarif_shop(&script, &build).record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "passed");
    assert_eq!(verdict(&record, "image scan"), "scanner_failed");
}

#[test]
fn a_scanner_that_fails_without_a_finding_does_not_pass() {
    let shop = sarif_shop(&format!("echo '{SARIF_CLEAN}' > out.sarif\nexit 2\n"), "");
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
    let why = record["checks"][1]["why"].as_str().unwrap();
    assert!(why.contains("status 2"), "{why}");
    // With a finding below the threshold the status says what the report says.
    let low = SARIF_FOUND.replace("9.1", "5.0");
    let shop = sarif_shop(&format!("echo '{low}' > out.sarif\nexit 1\n"), "");
    assert_eq!(verdict(&shop.record(&[], 0), "source scan"), "passed");
}

/// What a fake scanner prints where its settings let it: `--config` or `-c` with an empty file, and no variable that
/// hides something.
const SEES_ALL: &str = r#"
settings=.; last=; output=
for word in "$@"; do
  case "$last" in --config | -c) settings=$word ;; --output | --file) output=$word ;; esac
  last=$word
done
[ -f "$settings" ] && [ ! -s "$settings" ] || exit 0
[ -z "$TRIVY_SEVERITY$TRIVY_IGNOREFILE$TRIVY_SKIP_DIRS$GRYPE_EXCLUDE$GRYPE_ONLY_FIXED" ] || exit 0
"#;

#[test]
fn settings_around_trivy_do_not_hide_a_critical() {
    let shop = Shop::new(&policy("true", ""));
    shop.trivy(CLEAN, 0);
    fs::write(shop.programs.join("found.json"), FOUND).unwrap();
    let found = shop.programs.join("found.json").display().to_string();
    let clean = shop.programs.join("report.json").display().to_string();
    let script = format!("{SEES_ALL}cp {found} \"$output\"\nexit 10\n").replace(
        "|| exit 0",
        &format!("|| {{ cp {clean} \"$output\"; exit 0; }}"),
    );
    shop.program("trivy", &script);
    let variables = [
        ("TRIVY_SEVERITY", "LOW"),
        ("TRIVY_IGNOREFILE", "/tmp/ignore"),
        ("TRIVY_SKIP_DIRS", "**"),
    ];
    let record = shop.record_with(&variables, &[], 3);
    assert_eq!(verdict(&record, "source scan"), "found");
    let command = record["checks"][1]["command"].as_str().unwrap();
    assert!(
        command.contains("--severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL"),
        "{command}"
    );
}

/// As grype 0.121.2 writes it, shortened.
const GRYPE_CLEAN: &str = r#"{"matches":[],"descriptor":{"name":"grype","version":"0.121.2","db":{"status":{"built":"2026-11-20T10:00:00Z"}}}}"#;

#[test]
fn a_grype_that_cannot_renew_its_database_owes_a_scan() {
    let shop = Shop::new(&policy("true", "  scan: {with: grype}\n"));
    // It only warns where it need not have looked for an update.
    let down = "[ \"$GRYPE_DB_AUTO_UPDATE\" != true ] || { echo 'unable to update db' >&2; [ \"$GRYPE_DB_REQUIRE_UPDATE_CHECK\" != true ] || exit 1; }";
    shop.grype(down, GRYPE_CLEAN);
    let record = shop.record(&[], 0);
    assert_eq!(verdict(&record, "source scan"), "passed");
    assert_eq!(record["rescan_owed"], true);
    let why = record["checks"][1]["why"].as_str().unwrap();
    assert!(why.contains("unable to update db"), "{why}");
    // Who says that somebody else renews it is believed, and its age is looked at all the same.
    let said = [("GRYPE_DB_AUTO_UPDATE", "false")];
    let record = shop.record_with(&said, &[], 0);
    assert_eq!(record["rescan_owed"], false);
    shop.grype(down, &GRYPE_CLEAN.replace("11-20", "11-10"));
    let record = shop.record_with(&said, &[], 3);
    assert_eq!(verdict(&record, "source scan"), "database_too_old");
}

#[test]
fn whether_grype_looked_at_nothing_is_what_it_says_and_no_guess() {
    let build = format!(
        "  scan: {{with: grype}}\n  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/shop}}\n"
    );
    let shop = Shop::new(&policy("true", &build));
    shop.grype("", GRYPE_CLEAN);
    let clean = shop.record(&[], 0);
    assert_eq!(verdict(&clean, "image scan"), "passed");
    assert!(clean["checks"][3].get("why").is_none(), "{clean}");
    // There is a lock file, and grype took nothing from it.
    shop.components(0);
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "nothing_scanned");
    // An image of one static program holds no package: that is said, and is no failure.
    let image = "case \"$1\" in registry:*) last=; for w in \"$@\"; do case $w in json=*) cp \"$0.json\" \"${w#json=}\";; cyclonedx-json=*) echo '{\"bomFormat\":\"CycloneDX\"}' > \"${w#cyclonedx-json=}\";; esac; done; exit;; esac";
    shop.grype(image, GRYPE_CLEAN);
    let record = shop.record(&[], 0);
    assert_eq!(verdict(&record, "image scan"), "passed");
    let why = record["checks"][3]["why"].as_str().unwrap();
    assert!(why.contains("no packages in the image"), "{why}");
    // It knows files that nobody here has heard of.
    shop.stage.git(
        &shop.clone,
        &["mv", "package-lock.json", "requirements-prod.txt"],
    );
    shop.stage.git(&shop.clone, &["commit", "-qm", "Move"]);
    shop.grype("", GRYPE_CLEAN);
    assert_eq!(verdict(&shop.record(&[], 0), "source scan"), "passed");
    fs::remove_file(shop.programs.join("components.json")).unwrap();
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "source scan"), "scanner_failed");
}

#[test]
fn an_old_database_of_osv_scanner_does_not_pass_when_its_server_is_away() {
    let shop = Shop::new(&policy("true", "  scan: {with: osv-scanner}\n"));
    let script = "case \"$*\" in *--offline*) ;; *) echo 'no such host' >&2; exit 127;; esac\nwhile [ $# -gt 0 ]; do [ \"$1\" = --output ] && echo '{\"results\":[]}' > \"$2\"; shift; done\n";
    shop.program("osv-scanner", script);
    let cache = shop.stage.scratch.path().join("osv");
    let said = [(
        "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY",
        cache.to_str().unwrap(),
    )];
    let unknown = shop.record_with(&said, &[], 3);
    assert_eq!(verdict(&unknown, "source scan"), "database_too_old");
    let folder = cache.join("osv-scanner/npm");
    fs::create_dir_all(&folder).unwrap();
    let archive = fs::File::create(folder.join("all.zip")).unwrap();
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().into();
    archive.set_modified(at("2026-10-01T10:00:00Z")).unwrap();
    let old = shop.record_with(&said, &[], 3);
    assert_eq!(verdict(&old, "source scan"), "database_too_old");
    archive.set_modified(at("2026-11-20T10:00:00Z")).unwrap();
    let young = shop.record_with(&said, &[], 0);
    assert_eq!(young["rescan_owed"], true);
    // With the server it goes by no database at all.
    let online = script.replace("*--offline*) ;; *)", "nothing)");
    shop.program("osv-scanner", &online);
    archive.set_modified(at("2026-10-01T10:00:00Z")).unwrap();
    let record = shop.record_with(&said, &[], 0);
    assert_eq!(record["rescan_owed"], false);
}

#[test]
fn an_image_that_osv_scanner_cannot_ask_about_has_no_second_call() {
    let build = format!(
        "  scan: {{with: osv-scanner}}\n  build: {{run: 'echo {DIGEST} > $RIPCORD_DIGEST_FILE', image: ghcr.io/acme/shop}}\n"
    );
    let shop = Shop::new(&policy("true", &build));
    let script = "[ \"$2\" != image ] || { echo called >> ../images; exit 127; }\nwhile [ $# -gt 0 ]; do [ \"$1\" = --output ] && echo '{\"results\":[]}' > \"$2\"; shift; done\n";
    shop.program("osv-scanner", script);
    let record = shop.record(&[], 3);
    assert_eq!(verdict(&record, "image scan"), "scanner_failed");
    let calls = fs::read_to_string(shop.clone.join("../images")).unwrap();
    assert_eq!(calls, "called\n");
}
