//! The files as they are written.

use ripcord_domain::config::Forge;
use ripcord_pipeline::{Settings, Side, check, files, judge};

use crate::{FORGES, SIDES, initialised, settings};

fn word(forge: Forge) -> &'static str {
    match forge {
        Forge::Github => "github",
        Forge::Gitlab => "gitlab",
        Forge::Gitea => "gitea",
    }
}

#[test]
fn the_files_of_every_forge_and_side_are_these() {
    for forge in FORGES {
        for side in SIDES {
            for file in files(&settings(forge, side)).unwrap() {
                let side = match side {
                    Side::Service => "service",
                    Side::Infra => "infra",
                };
                let name = file.path.rsplit('/').next().unwrap();
                insta::with_settings!({omit_expression => true}, {
                    insta::assert_snapshot!(format!("{}-{side}-{name}", word(forge)), file.text);
                });
            }
        }
    }
}

/// The least that one can say, and all that one can say.
fn variants(forge: Forge, side: Side) -> [Settings; 2] {
    let all = settings(forge, side);
    let mut least = Settings::new(forge, side, "0.4.0");
    least.service.clone_from(&all.service);
    least.infra.clone_from(&all.infra);
    [least, all]
}

#[test]
fn what_is_written_breaks_no_rule_and_has_no_word_left_open() {
    for forge in FORGES {
        for side in SIDES {
            for settings in variants(forge, side) {
                for file in files(&settings).unwrap() {
                    assert_eq!(judge(forge, &file.path, &file.text), [], "{}", file.path);
                    assert!(!file.text.contains("%%"), "{}", file.text);
                    for line in file.text.lines() {
                        assert_eq!(line.trim_end(), line, "{}", file.path);
                        assert!(line.len() <= 200, "{line}");
                    }
                }
                let report = check(&settings, &initialised(&settings)).unwrap();
                assert_eq!(report.findings, []);
            }
        }
    }
}

#[test]
fn secrets_stand_in_the_step_that_needs_them_and_in_no_script() {
    for forge in [Forge::Github, Forge::Gitea] {
        for side in SIDES {
            for file in files(&settings(forge, side)).unwrap() {
                let mut in_script = false;
                for line in file.text.lines() {
                    let trimmed = line.trim_start();
                    let depth = line.len() - trimmed.len();
                    if trimmed.starts_with("run: |") {
                        in_script = true;
                    } else if depth <= 8 && !trimmed.is_empty() {
                        in_script = false;
                    }
                    assert!(!(in_script && line.contains("${{")), "{line}");
                    // The token of a checkout is a parameter, all else the environment of one step.
                    if line.contains("secrets.") {
                        assert!(depth >= 10, "{line}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_service_without_a_key_sends_unsigned_and_says_no_name_of_one() {
    for forge in FORGES {
        let mut settings = settings(forge, Side::Service);
        settings.keys.clear();
        for file in files(&settings).unwrap() {
            assert!(!file.text.contains("PROOF"), "{}", file.text);
        }
    }
}

#[test]
fn an_infra_repo_gets_each_key_in_the_variable_where_the_receiver_looks_for_it() {
    let mut settings = settings(Forge::Github, Side::Infra);
    settings.keys = vec!["checkout-ci".to_owned(), "pay.ci".to_owned()];
    let text = &files(&settings).unwrap()[0].text;
    for line in [
        "RIPCORD_KEY_CHECKOUT_CI: ${{ secrets.RIPCORD_KEY_CHECKOUT_CI }}",
        "RIPCORD_KEY_PAY_CI: ${{ secrets.RIPCORD_KEY_PAY_CI }}",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_trigger_cannot_say_which_ripcord_gitlab_installs() {
    for side in SIDES {
        let mut settings = settings(Forge::Gitlab, side);
        let text = files(&settings).unwrap().remove(0).text;
        let script = text.find("before_script").unwrap();
        for line in [
            "      RIPCORD_VERSION=\"0.4.0\"\n",
            "      RIPCORD_URL=\"https://releases.acme.example/ripcord-0.4.0.tar.gz\"\n",
            &format!("      RIPCORD_SHA256=\"{}\"\n", "a".repeat(64)),
        ] {
            let at = text
                .find(line)
                .unwrap_or_else(|| panic!("{line} is not in:\n{text}"));
            assert!(
                script < at && at < text.find("$RIPCORD_").unwrap(),
                "{text}"
            );
        }
        for name in ["VERSION", "URL", "SHA256"] {
            assert!(!text.contains(&format!("RIPCORD_{name}: ")), "{text}");
        }
        // What is not known has to be said by the project.
        settings.ripcord.url = None;
        let text = files(&settings).unwrap().remove(0).text;
        assert!(text.contains("    RIPCORD_URL: \"\"\n"), "{text}");
        assert!(!text.contains("RIPCORD_URL=\""), "{text}");
    }
    let infra = files(&settings(Forge::Gitlab, Side::Infra))
        .unwrap()
        .remove(0);
    assert!(infra.text.contains("worth as much as RIPCORD_PUSH_TOKEN"));
}
