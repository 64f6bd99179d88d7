//! Whether a command that fails fails the script, and so the job.

use crate::shell::{Between, Command};

/// How a shell was told to take failures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strictness {
    /// It ends at the first command that fails (`-e`).
    pub(super) at_once: bool,
    /// A pipe fails if any command in it does (`pipefail`).
    pub(super) pipes: bool,
}

impl Strictness {
    /// GitHub's words for a step's shell
    /// (<https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#jobsjob_idstepsshell>).
    pub(super) fn of(shell: Option<&str>) -> Self {
        match shell.map(str::trim) {
            None | Some("sh") => Self {
                at_once: true,
                pipes: false,
            },
            Some("bash") => Self {
                at_once: true,
                pipes: true,
            },
            Some(own) => {
                let mut words = own.split_whitespace();
                let program = words.next().unwrap_or_default();
                let posix = ["bash", "sh", "dash", "zsh", "ash"]
                    .contains(&program.rsplit('/').next().unwrap_or_default());
                let words: Vec<&str> = words.collect();
                Self {
                    at_once: posix && words.iter().any(|word| is_option(word, 'e')),
                    pipes: posix && words.contains(&"pipefail"),
                }
            }
        }
    }

    /// GitLab's: every line is watched, in Bash pipes too
    /// (<https://docs.gitlab.com/runner/shells/>).
    pub(super) fn gitlab() -> Self {
        Self {
            at_once: true,
            pipes: true,
        }
    }

    fn after(mut self, command: &Command) -> Self {
        if command.program() != "set" {
            return self;
        }
        let mut on = true;
        for word in &command.words[1..] {
            if word.starts_with(['-', '+']) {
                on = word.starts_with('-');
            }
            match word.as_str() {
                "errexit" => self.at_once = on,
                "pipefail" => self.pipes = on,
                word if is_option(word, 'e') => self.at_once = on,
                _ => {}
            }
        }
        self
    }
}

/// Whether a word is a bundle of one-letter options with this one in it, set or unset.
fn is_option(word: &str, letter: char) -> bool {
    !word.starts_with("--")
        && word
            .strip_prefix(['-', '+'])
            .is_some_and(|letters| letters.contains(letter))
}

/// Why the script may pass though this command fails, or passes without having run it; nothing where it may not.
pub(super) fn soft(commands: &[Command], at: usize, shell: Strictness) -> Option<String> {
    let command = commands.get(at)?;
    if command.conditional {
        return Some("stands in a branch or a condition".to_owned());
    }
    if matches!(command.before, Between::And | Between::Or) {
        return Some("only runs if the command before it lets it".to_owned());
    }
    let mut shell = shell;
    for earlier in &commands[..at] {
        shell = shell.after(earlier);
        if ends(earlier) && !earlier.conditional && earlier.before == Between::End {
            return Some("is behind the script's `exit`".to_owned());
        }
        if ends(earlier) && !fails_by_itself(earlier) {
            let words = earlier.words.join(" ");
            return Some(format!(
                "is behind `{words}`, by which the script may pass without it"
            ));
        }
        if earlier.program() == "trap" && earlier.words.iter().any(|word| word.contains("exit 0")) {
            return Some("is under a `trap` that says `exit 0`".to_owned());
        }
    }
    let mut last = at;
    let mut and = false;
    loop {
        match commands[last].after {
            Between::End => break,
            Between::Background => return Some("runs in the background".to_owned()),
            Between::Or => {
                if fails(&commands[last + 1..]) {
                    return None;
                }
                return Some("is followed by `||`, which swallows its failure".to_owned());
            }
            Between::Pipe if !shell.pipes => {
                return Some("is in a pipe, and the shell was not told `pipefail`".to_owned());
            }
            Between::Pipe => {}
            Between::And => and = true,
        }
        if last + 1 == commands.len() {
            break;
        }
        last += 1;
    }
    let goes_on = last + 1 < commands.len();
    if goes_on && and {
        return Some("is followed by `&&`, so the script goes on when it fails".to_owned());
    }
    if goes_on && !shell.at_once {
        return Some("is in a shell that goes on when a command fails".to_owned());
    }
    None
}

/// Whether a command ends the script, or may.
fn ends(command: &Command) -> bool {
    match command.program() {
        "exit" => !command.subshell,
        "return" => !command.subshell && !command.function,
        _ => false,
    }
}

/// Whether an `exit` tells of a failure: by its number, or by that of the command before it where that failed.
fn fails_by_itself(exit: &Command) -> bool {
    match exit.words.get(1).map(String::as_str) {
        None | Some("$?") => exit.before == Between::Or,
        Some(code) => code.parse::<u32>().is_ok_and(|code| code % 256 != 0),
    }
}

/// Whether what stands behind `||` ends the script with a failure.
fn fails(behind: &[Command]) -> bool {
    let ends = |command: &Command| match command.program() {
        "false" => true,
        "exit" | "return" => command.words.get(1).is_none_or(|code| code != "0"),
        _ => false,
    };
    match behind.first() {
        None => false,
        Some(first) if !first.conditional => ends(first),
        // `|| { echo …; exit 1; }`
        Some(_) => behind
            .iter()
            .take_while(|command| command.conditional)
            .last()
            .is_some_and(ends),
    }
}

/// What a command of ripcord does, as far as a CI file is judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `ripcord hotfix gate`.
    Gate,
    /// `ripcord hotfix ship`.
    Ship,
    /// `ripcord receive`.
    Receive,
    /// Another one whose answer counts: `guard`, `reland check`, `hotfix check`.
    Check,
    /// Anything else.
    Else,
}

/// What a command does, if it is ripcord.
pub(super) fn step(command: &Command) -> Option<Step> {
    if command.program() != "ripcord" {
        return None;
    }
    let asks = |words: &[&str]| command.is("ripcord", words);
    let help = command
        .words
        .iter()
        .any(|word| word == "--help" || word == "-h");
    Some(if help {
        Step::Else
    } else if asks(&["hotfix", "gate"]) {
        Step::Gate
    } else if asks(&["hotfix", "ship"]) {
        Step::Ship
    } else if asks(&["receive"]) {
        Step::Receive
    } else if asks(&["guard"]) || asks(&["reland", "check"]) || asks(&["hotfix", "check"]) {
        Step::Check
    } else {
        Step::Else
    })
}

/// Why a scan by this command would pass with findings; the inner nothing where it would not, the outer one where the
/// command is no scan.
#[expect(
    clippy::option_option,
    reason = "no scan, a scan that can fail, and one that cannot"
)]
pub(super) fn scan(command: &Command) -> Option<Option<&'static str>> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let first = words
        .iter()
        .skip(1)
        .find(|word| !word.starts_with('-'))
        .copied();
    let value = |long: &str, short: &str| {
        words.iter().enumerate().find_map(|(at, word)| {
            if *word == long || *word == short {
                words.get(at + 1).copied()
            } else {
                word.strip_prefix(long)
                    .and_then(|rest| rest.strip_prefix('='))
            }
        })
    };
    match command.program() {
        "trivy" if words.iter().any(|word| word.starts_with("--download-")) => None,
        "trivy"
            if first.is_some_and(|first| {
                [
                    "fs",
                    "filesystem",
                    "image",
                    "i",
                    "repo",
                    "repository",
                    "rootfs",
                    "sbom",
                    "config",
                ]
                .contains(&first)
            }) =>
        {
            let passes = value("--exit-code", "--exit-code").is_none_or(|code| code == "0");
            Some(passes.then_some("Trivy ends with 0 whatever it finds, without `--exit-code`"))
        }
        "grype"
            if first.is_some_and(|first| {
                !["db", "version", "completion", "help", "config"].contains(&first)
            }) =>
        {
            let passes = value("--fail-on", "-f").is_none();
            Some(passes.then_some("grype ends with 0 whatever it finds, without `--fail-on`"))
        }
        "osv-scanner" if first.is_some() => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::commands;

    fn soft_in(script: &str, shell: Option<&str>) -> bool {
        let commands = commands(script);
        let at = commands
            .iter()
            .position(|command| step(command) == Some(Step::Gate))
            .expect("the script has a gate");
        soft(&commands, at, Strictness::of(shell)).is_some()
    }

    #[test]
    fn a_gate_on_a_line_of_its_own_blocks() {
        for script in [
            "ripcord hotfix gate",
            "set -euo pipefail\nripcord hotfix gate --record x\necho done",
            "FOO=1 ./bin/ripcord --no-color hotfix gate\necho",
            "ripcord hotfix gate || exit 1\necho",
            "ripcord hotfix gate || { echo no; exit 3; }\necho",
            "ripcord hotfix gate && ripcord hotfix ship",
            "set -o pipefail\nripcord hotfix gate | tee log\necho",
            "if [ -n \"$X\" ]; then echo; fi\nripcord hotfix gate",
            "ripcord hotfix gate > log 2>&1",
        ] {
            assert!(!soft_in(script, None), "{script}");
        }
        assert!(!soft_in("ripcord hotfix gate | tee log", Some("bash")));
        assert!(!soft_in(
            "ripcord hotfix gate\necho",
            Some("bash -euo pipefail {0}")
        ));
    }

    #[test]
    fn every_way_around_a_gate_is_seen() {
        for script in [
            "ripcord hotfix gate || true",
            "ripcord hotfix gate || :",
            "ripcord hotfix gate || exit 0",
            "ripcord hotfix gate || { echo no; exit 0; }",
            "ripcord hotfix gate | tee log",
            "ripcord hotfix gate &\nwait",
            "ripcord hotfix gate && echo fine\necho",
            "set +e\nripcord hotfix gate\necho",
            "set -e\nset +o errexit\nripcord hotfix gate\necho",
            "if ripcord hotfix gate; then echo; fi",
            "if [ -z \"$SKIP\" ]; then\n  ripcord hotfix gate\nfi",
            "[ -n \"$SKIP\" ] || ripcord hotfix gate",
            "[ -z \"$SKIP\" ] && ripcord hotfix gate",
            "! ripcord hotfix gate",
            "exit 0\nripcord hotfix gate",
            "trap 'exit 0' EXIT\nripcord hotfix gate",
            "gate() { ripcord hotfix gate; }",
            "function gate {\n  ripcord hotfix gate\n}",
        ] {
            assert!(soft_in(script, None), "{script}");
        }
        assert!(soft_in("ripcord hotfix gate\necho", Some("bash {0}")));
        assert!(soft_in("ripcord hotfix gate\necho", Some("pwsh -e")));
    }

    #[test]
    fn an_exit_on_a_condition_before_the_gate_is_a_way_around_it() {
        for script in [
            "if [ -n \"$SKIP_GATE\" ]; then exit 0; fi\nripcord hotfix gate",
            "if [ -n \"$SKIP_GATE\" ]; then exit; fi\nripcord hotfix gate",
            "[ -z \"$SKIP_GATE\" ] || exit 0\nripcord hotfix gate",
            "[ -n \"$SKIP_GATE\" ] && exit\nripcord hotfix gate",
            "case \"$X\" in skip) exit \"$CODE\" ;; esac\nripcord hotfix gate",
            "if [ -n \"$X\" ]; then exit 256; fi\nripcord hotfix gate",
            "if [ -n \"$X\" ]; then return 0; fi\nripcord hotfix gate",
            "skip() { exit 0; }\nskip\nripcord hotfix gate",
        ] {
            assert!(soft_in(script, None), "{script}");
        }
        for script in [
            "if [ -z \"$TOKEN\" ]; then echo no; exit 1; fi\nripcord hotfix gate",
            "make tools || exit\nripcord hotfix gate",
            "make tools || exit $?\nripcord hotfix gate",
            "(\n  for p in a b; do\n    if x; then y; exit 0; fi\n  done\n)\nripcord hotfix gate",
            "ready() { if x; then return 0; fi; return 1; }\nready\nripcord hotfix gate",
            "function ready {\n  return 0\n}\nready\nripcord hotfix gate",
        ] {
            assert!(!soft_in(script, None), "{script}");
        }
    }

    #[test]
    fn a_scan_that_cannot_fail_is_told_from_one_that_can() {
        let of = |line: &str| scan(&commands(line)[0]).map(|passes| passes.is_some());
        assert_eq!(of("trivy fs --severity CRITICAL ."), Some(true));
        assert_eq!(of("trivy fs --exit-code 0 ."), Some(true));
        assert_eq!(of("trivy fs --exit-code=10 ."), Some(false));
        assert_eq!(of("trivy image --download-db-only"), None);
        assert_eq!(of("grype dir:."), Some(true));
        assert_eq!(of("grype dir:. --fail-on critical"), Some(false));
        assert_eq!(of("grype db update"), None);
        assert_eq!(of("osv-scanner scan ."), Some(false));
        assert_eq!(of("trivy --version"), None);
    }
}
