//! One line is spoiled, and exactly one rule is broken.

use ripcord_domain::config::Forge;
use ripcord_pipeline::{Rule, Side, files, judge};

use crate::settings;

/// The file of this name as it is written.
fn good(forge: Forge, side: Side, name: &str) -> (String, String) {
    let file = files(&settings(forge, side))
        .unwrap()
        .into_iter()
        .find(|file| file.path.ends_with(name))
        .unwrap();
    (file.path, file.text)
}

/// Spoils a good file, and asserts which rules it breaks then.
#[track_caller]
fn spoiled(forge: Forge, side: Side, name: &str, from: &str, to: &str, rules: &[Rule]) {
    let (path, text) = good(forge, side, name);
    assert_eq!(judge(forge, &path, &text), [], "{path} is good");
    assert!(text.contains(from), "`{from}` is not in {path}:\n{text}");
    let text = text.replacen(from, to, 1);
    let mut found: Vec<Rule> = judge(forge, &path, &text)
        .into_iter()
        .map(|finding| finding.rule)
        .collect();
    found.sort();
    found.dedup();
    assert_eq!(found, rules, "`{from}` -> `{to}`");
}

#[track_caller]
fn hotfix(from: &str, to: &str, rule: Rule) {
    for forge in [Forge::Github, Forge::Gitea] {
        spoiled(forge, Side::Service, "hotfix.yml", from, to, &[rule]);
    }
}

#[track_caller]
fn receiver(from: &str, to: &str, rule: Rule) {
    spoiled(
        Forge::Github,
        Side::Infra,
        "deploy-service.yml",
        from,
        to,
        &[rule],
    );
}

#[track_caller]
fn gitlab(side: Side, from: &str, to: &str, rule: Rule) {
    spoiled(
        Forge::Gitlab,
        side,
        "ripcord.gitlab-ci.yml",
        from,
        to,
        &[rule],
    );
}

const GATE: &str = "          ripcord hotfix gate --record \"$RUNNER_TEMP/gate-record.json\" --signed-off-by \"$GITHUB_ACTOR\"\n";
const GATE_STEP: &str = "      - name: Gate\n";
const SHIP_STEP: &str = "      - name: Ship\n";

#[test]
fn a_file_that_is_no_workflow_is_unreadable() {
    for text in ["a: [", "", "- a\n", "\"a\n"] {
        let found = judge(Forge::Github, ".github/workflows/hotfix.yml", text);
        let rules: Vec<Rule> = found.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, [Rule::Unreadable], "{text}");
    }
    hotfix("jobs:\n", "job:\n", Rule::Unreadable);
}

#[test]
fn actions_are_pinned_to_a_commit() {
    let (_, text) = good(Forge::Github, Side::Service, "hotfix.yml");
    let checkout = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("uses: "))
        .unwrap();
    for to in [
        "actions/checkout@v4",
        "actions/checkout@main",
        "actions/checkout@3d3c42e",
        "actions/checkout",
        "docker://alpine:3",
    ] {
        spoiled(
            Forge::Github,
            Side::Service,
            "hotfix.yml",
            checkout,
            to,
            &[Rule::UnpinnedAction],
        );
    }
    let job =
        "  other:\n    permissions: {}\n    uses: acme/ci/.github/workflows/x.yml@v1\n  hotfix:\n";
    hotfix("  hotfix:\n", job, Rule::UnpinnedAction);
}

#[test]
fn tokens_may_do_what_the_job_needs_and_no_more() {
    hotfix(
        "permissions: {}\n",
        "permissions: write-all\n",
        Rule::PermissionsTooWide,
    );
    hotfix(
        "permissions: {}\n",
        "permissions:\n  contents: write\n",
        Rule::PermissionsTooWide,
    );
    hotfix(
        "      contents: read\n",
        "      contents: write\n",
        Rule::PermissionsTooWide,
    );
    hotfix(
        "      contents: read\n",
        "      actions: write\n",
        Rule::PermissionsTooWide,
    );
    receiver(
        "      contents: write",
        "      packages: write",
        Rule::PermissionsTooWide,
    );
    let (_, text) = good(Forge::Github, Side::Service, "hotfix.yml");
    let without = text.replace("permissions: {}\n", "");
    let own = "    permissions:\n      contents: read\n      packages: write # the gate pushes the image\n";
    assert!(without.contains(own));
    let without = without.replace(own, "");
    let found = judge(Forge::Github, ".github/workflows/hotfix.yml", &without);
    assert_eq!(found[0].rule, Rule::PermissionsMissing);
    assert_eq!(found.len(), 1);
}

#[test]
fn the_branch_begins_with_hotfix_and_a_slash() {
    let line = "    branches: [\"hotfix/**\"]\n";
    // The condition of the job stands for what `on` does not say.
    for forge in [Forge::Github, Forge::Gitea] {
        let (path, text) = good(forge, Side::Service, "hotfix.yml");
        let without = text.replace("    if: startsWith(github.ref, 'refs/heads/hotfix/')\n", "");
        assert_eq!(judge(forge, &path, &without), []);
        assert!(without.contains(line));
        for to in [
            "    branches: [\"hotfix**\"]\n",
            "    branches: [\"**hotfix/**\"]\n",
            "    branches: [\"*/hotfix/**\", \"hotfix/**\"]\n",
            "    branches: [\"**\"]\n",
            "    branches: [\"Hotfix/**\"]\n",
            "    tags: [v1]\n",
            "",
        ] {
            let found = judge(forge, &path, &without.replace(line, to));
            let rules: Vec<Rule> = found.iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, [Rule::BranchNotExact], "{to}");
        }
    }
}

#[test]
fn nothing_ships_without_the_gate() {
    hotfix(GATE, "", Rule::GateMissing);
    hotfix(
        GATE,
        "          echo ripcord hotfix gate\n",
        Rule::GateMissing,
    );
    hotfix(
        GATE,
        "          # ripcord hotfix gate\n          true\n",
        Rule::GateMissing,
    );
    hotfix(
        GATE,
        "          ripcord hotfix gate --help\n",
        Rule::GateMissing,
    );
}

#[test]
fn a_gate_that_fails_fails_the_run() {
    let rule = Rule::GateNotBlocking;
    for to in [
        "          ripcord hotfix gate || true\n",
        "          ripcord hotfix gate || exit 0\n",
        "          ripcord hotfix gate &\n          wait\n",
        "          set +e\n          ripcord hotfix gate\n          echo\n",
        "          if ripcord hotfix gate; then echo; fi\n",
        "          [ -z \"$URGENT\" ] && ripcord hotfix gate\n",
        "          if [ -n \"$SKIP_GATE\" ]; then exit 0; fi\n          ripcord hotfix gate\n",
    ] {
        hotfix(GATE, to, rule);
    }
    let with = |line: &str| format!("{GATE_STEP}        {line}\n");
    hotfix(GATE_STEP, &with("continue-on-error: true"), rule);
    hotfix(GATE_STEP, &with("continue-on-error: ${{ inputs.x }}"), rule);
    hotfix(GATE_STEP, &with("if: github.actor != 'bot'"), rule);
    // A job whose failure does not count also ships unseen.
    let (path, text) = good(Forge::Github, Side::Service, "hotfix.yml");
    let soft = text.replace(
        "    timeout-minutes: 45\n",
        "    timeout-minutes: 45\n    continue-on-error: true\n",
    );
    let rules: Vec<Rule> = judge(Forge::Github, &path, &soft)
        .iter()
        .map(|f| f.rule)
        .collect();
    assert!(rules.contains(&rule), "{rules:?}");
}

#[test]
fn what_ships_waits_for_the_gate() {
    let with = |line: &str| format!("{SHIP_STEP}        {line}\n");
    hotfix(SHIP_STEP, &with("if: always()"), Rule::ShipWithoutGate);
    hotfix(
        SHIP_STEP,
        &with("if: ${{ !cancelled() }}"),
        Rule::ShipWithoutGate,
    );
    hotfix(
        SHIP_STEP,
        &with("if: failure() || success()"),
        Rule::ShipWithoutGate,
    );
    let apart = |needs: &str| {
        format!(
            "  ship:\n    runs-on: x\n    timeout-minutes: 9\n{needs}    steps:\n      - name: Ship\n"
        )
    };
    hotfix(SHIP_STEP, &apart(""), Rule::ShipWithoutGate);
    let (path, text) = good(Forge::Github, Side::Service, "hotfix.yml");
    let waits = text.replace(SHIP_STEP, &apart("    needs: hotfix\n"));
    assert_eq!(judge(Forge::Github, &path, &waits), []);
}

#[test]
fn scans_beside_the_gate_can_fail_the_run() {
    let rule = Rule::ScanNotBlocking;
    let pin = "0123456789012345678901234567890123456789";
    let step = |lines: &str| format!("{lines}{GATE_STEP}");
    for run in [
        "trivy fs --severity CRITICAL .",
        "trivy fs --exit-code 0 .",
        "trivy fs --exit-code 1 . || true",
        "grype dir:.",
    ] {
        hotfix(GATE_STEP, &step(&format!("      - run: {run}\n")), rule);
    }
    let uses = format!(
        "      - uses: aquasecurity/trivy-action@{pin}\n        with:\n          severity: CRITICAL\n"
    );
    hotfix(GATE_STEP, &step(&uses), rule);
    let soft = format!("{uses}          exit-code: \"1\"\n        continue-on-error: true\n");
    hotfix(GATE_STEP, &step(&soft), rule);
    let (path, text) = good(Forge::Github, Side::Service, "hotfix.yml");
    let hard = text.replace(
        GATE_STEP,
        &step(&format!("{uses}          exit-code: \"1\"\n")),
    );
    assert_eq!(judge(Forge::Github, &path, &hard), []);
}

#[test]
fn what_comes_from_outside_is_no_part_of_a_script() {
    let rule = Rule::PayloadInShell;
    for to in [
        "          echo \"${{ github.ref_name }}\"\n",
        "          echo ${{ github.event.head_commit.message }}\n",
        "          echo '${{ toJSON(github.event) }}'\n",
    ] {
        hotfix(GATE, &format!("{to}{GATE}"), rule);
    }
    let line = "          ripcord receive --event \"$GITHUB_EVENT_PATH\"\n";
    for to in [
        "          echo \"${{ github.event.client_payload.tag }}\"\n",
        "          echo ${{ github['event'].client_payload['tag'] }}\n",
        "          echo ${{ github.event.inputs.tag }}\n",
    ] {
        receiver(line, &format!("{to}{line}"), rule);
    }
    let script = format!(
        "      - uses: actions/github-script@{}\n        with:\n          script: console.log(`${{{{ github.head_ref }}}}`)\n{GATE_STEP}",
        "0".repeat(40)
    );
    hotfix(GATE_STEP, &script, rule);
}

#[test]
fn a_deploy_can_be_followed() {
    let dispatch = "      - uses: peter-evans/repository-dispatch@0123456789012345678901234567890123456789\n        with:\n          event-type: deploy-service\n          client-payload: '{\"service\": \"a\"}'\n";
    hotfix(
        SHIP_STEP,
        &format!("{dispatch}{SHIP_STEP}"),
        Rule::NoCorrelationId,
    );
    let curl = "      - run: curl --fail https://api.github.com/repos/a/b/dispatches\n";
    hotfix(
        SHIP_STEP,
        &format!("{curl}{SHIP_STEP}"),
        Rule::NoCorrelationId,
    );
    receiver(
        " (${{ github.event.client_payload.correlation_id }})",
        "",
        Rule::NoCorrelationId,
    );
}

#[test]
fn no_workflow_runs_beside_a_token_for_strangers() {
    let rules = [Rule::PullRequestTarget];
    for (side, name) in [(Side::Infra, "guard.yml"), (Side::Service, "reland.yml")] {
        let (from, to) = ("  pull_request:\n", "  pull_request_target:\n");
        spoiled(Forge::Github, side, name, from, to, &rules);
    }
}

#[test]
fn no_run_cancels_another_that_may_deploy() {
    let (from, to) = ("cancel-in-progress: false", "cancel-in-progress: true");
    hotfix(from, to, Rule::Cancelling);
    receiver(from, to, Rule::Cancelling);
}

#[test]
fn no_deploy_is_dropped_from_a_queue() {
    let from = "deploy-service-${{ github.event.client_payload.correlation_id }}";
    receiver(from, "deploy-service", Rule::DropsDeploys);
    receiver(
        from,
        "deploy-${{ github.event.client_payload.service }}",
        Rule::DropsDeploys,
    );
}

#[test]
fn every_job_ends_some_time() {
    hotfix("    timeout-minutes: 45\n", "", Rule::NoTimeout);
    receiver("    timeout-minutes: 45\n", "", Rule::NoTimeout);
}

#[test]
fn what_the_gate_runs_sees_no_secret() {
    let line = "    timeout-minutes: 45\n";
    let secret = "    env:\n      TOKEN: ${{ secrets.INFRA_REPO_TOKEN }}\n";
    hotfix(line, &format!("{line}{secret}"), Rule::SecretTooWide);
    let top = "env:\n  TOKEN: ${{ secrets.INFRA_REPO_TOKEN }}\njobs:\n";
    hotfix("jobs:\n", top, Rule::SecretTooWide);
}

#[test]
fn a_receiver_asks_ripcord_and_takes_its_answer() {
    let line = "ripcord receive --event \"$GITHUB_EVENT_PATH\"";
    receiver(
        line,
        "git commit -am deploy && git push",
        Rule::ReceiveMissing,
    );
    receiver(line, &format!("{line} || true"), Rule::CheckNotBlocking);
    receiver("\n    types: [deploy-service]", "", Rule::EventNotFiltered);
    for (side, name, line) in [
        (Side::Infra, "guard.yml", "--annotations github"),
        (
            Side::Infra,
            "hotfix-debt.yml",
            "hotfix check --all --annotations github",
        ),
        (
            Side::Service,
            "reland.yml",
            "reland check \"$HEAD_SHA\" --main \"main\"",
        ),
    ] {
        let rules = [Rule::CheckNotBlocking];
        spoiled(
            Forge::Github,
            side,
            name,
            line,
            &format!("{line} || true"),
            &rules,
        );
    }
}

#[test]
fn gitlabs_jobs_follow_the_same_rules() {
    let service = |from: &str, to: &str, rule| gitlab(Side::Service, from, to, rule);
    let infra = |from: &str, to: &str, rule| gitlab(Side::Infra, from, to, rule);
    let gate = "    - ripcord hotfix gate --hotfix \"${CI_COMMIT_BRANCH#hotfix/}\" --record gate-record.json --signed-off-by \"$GITLAB_USER_LOGIN\"\n";
    let ship = "  needs: [ripcord-gate]\n";
    service(gate, "", Rule::GateMissing);
    service(
        gate,
        "    - ripcord hotfix gate || true\n",
        Rule::GateNotBlocking,
    );
    service(
        "  timeout: 30 minutes\n",
        "  timeout: 30 minutes\n  allow_failure: true\n",
        Rule::GateNotBlocking,
    );
    service("  timeout: 30 minutes\n", "", Rule::NoTimeout);
    service(ship, "  needs: []\n", Rule::ShipWithoutGate);
    service(
        ship,
        &format!("{ship}  when: always\n"),
        Rule::ShipWithoutGate,
    );
    service("=~ /^hotfix\\/./", "=~ /hotfix/", Rule::BranchNotExact);
    service(
        "=~ /^hotfix\\/./",
        "=~ /^hotfix\\/./ || $URGENT",
        Rule::BranchNotExact,
    );
    service(
        "  interruptible: false",
        "  interruptible: true",
        Rule::Cancelling,
    );
    service(
        gate,
        &format!("{gate}    - grype dir:.\n"),
        Rule::ScanNotBlocking,
    );
    service(
        gate,
        &format!("{gate}    - eval \"$CI_COMMIT_MESSAGE\"\n"),
        Rule::PayloadInShell,
    );
    let trigger = "    - curl --fail https://gitlab.com/api/v4/projects/1/trigger/pipeline\n";
    let last = "    - ripcord hotfix ship ";
    service(last, &format!("{trigger}{last}"), Rule::NoCorrelationId);
    let head = "\n.ripcord:\n";
    let remote = "\ninclude:\n  - remote: https://acme.example/ci.yml\n.ripcord:\n";
    service(head, remote, Rule::UnpinnedAction);
    let project = "\ninclude:\n  - project: acme/ci\n    ref: main\n    file: x.yml\n.ripcord:\n";
    service(head, project, Rule::UnpinnedAction);
    infra(" && $RIPCORD_CORRELATION_ID", "", Rule::NoCorrelationId);
    infra(
        "$CI_PIPELINE_SOURCE == \"trigger\" && ",
        "",
        Rule::EventNotFiltered,
    );
    infra(
        "receive --from-variables",
        "receive --from-variables || true",
        Rule::CheckNotBlocking,
    );
    infra(
        "hotfix check --all",
        "hotfix check --all || true",
        Rule::CheckNotBlocking,
    );
}

#[test]
fn what_a_rule_of_a_gitlab_job_says_is_a_way_around_the_gate_too() {
    let service = |from: &str, to: &str, rule| gitlab(Side::Service, from, to, rule);
    let condition =
        "    - if: $CI_PIPELINE_SOURCE == \"push\" && $CI_COMMIT_BRANCH =~ /^hotfix\\/./\n";
    let gate = format!("ripcord-gate:\n  extends: .ripcord\n  needs: []\n  rules:\n{condition}");
    service(
        &gate,
        &format!("{gate}      allow_failure: true\n"),
        Rule::GateNotBlocking,
    );
    service(
        &gate,
        &format!("{gate}      allow_failure:\n        exit_codes: 3\n"),
        Rule::GateNotBlocking,
    );
    let ship = format!(
        "ripcord-ship:\n  extends: .ripcord\n  needs: [ripcord-gate]\n  rules:\n{condition}"
    );
    for when in ["always", "on_failure"] {
        service(
            &ship,
            &format!("{ship}      when: {when}\n"),
            Rule::ShipWithoutGate,
        );
    }
    service(
        "  needs: [ripcord-gate]\n",
        "  needs:\n    - job: ripcord-gate\n      optional: true\n",
        Rule::ShipWithoutGate,
    );
    // What changes nothing is no finding.
    let (path, text) = good(Forge::Gitlab, Side::Service, "ripcord.gitlab-ci.yml");
    let same = text
        .replace(
            &ship,
            &format!("{ship}      when: on_success\n      allow_failure: false\n"),
        )
        .replace(
            "  needs: [ripcord-gate]\n",
            "  needs:\n    - job: ripcord-gate\n      optional: false\n",
        );
    assert_ne!(same, text);
    assert_eq!(judge(Forge::Gitlab, &path, &same), []);
}

#[test]
fn a_tag_that_is_pushed_starts_no_hotfix() {
    let line = "    branches: [\"hotfix/**\"]\n";
    for forge in [Forge::Github, Forge::Gitea] {
        let (path, text) = good(forge, Side::Service, "hotfix.yml");
        for tags in ["    tags: [\"v*\"]\n", "    tags-ignore: [beta]\n"] {
            let with = text.replace(line, &format!("{line}{tags}"));
            assert_ne!(with, text);
            // The condition of the job stands for what `on` does not say.
            assert_eq!(judge(forge, &path, &with), []);
            let with = with.replace("    if: startsWith(github.ref, 'refs/heads/hotfix/')\n", "");
            let found = judge(forge, &path, &with);
            let rules: Vec<Rule> = found.iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, [Rule::BranchNotExact], "{tags}");
            assert!(found[0].sentence.contains("tag"), "{found:?}");
        }
    }
}

#[test]
fn a_finding_names_the_line() {
    let (path, text) = good(Forge::Github, Side::Service, "hotfix.yml");
    let text = text.replace(
        GATE,
        &format!("          echo \"${{{{ github.ref_name }}}}\"\n{GATE}"),
    );
    let line = text
        .lines()
        .position(|line| line.contains("ref_name"))
        .unwrap()
        + 1;
    let found = judge(Forge::Github, &path, &text);
    assert_eq!(found[0].line, line);
    assert_eq!(
        found[0].to_string(),
        format!(
            "{path}:{line}: `github.ref_name` becomes a part of the script before the shell reads it [payload-in-shell]"
        )
    );
}
