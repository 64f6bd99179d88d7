//! `demo`: a Friday evening on a throwaway infra repo behind a local Git server.

mod story;

use std::path::Path;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use ripcord_domain::{Kind, Problem};
use ripcord_gitserver::{GitServer, Options};

use crate::moment;
use crate::render::Output;

/// Plays the evening; with `keep` the server stays until somebody presses Enter.
pub(super) fn run(keep: bool, output: &mut Output) -> Result<(), Problem> {
    let folder = tempfile::tempdir().map_err(|error| trouble(&error))?;
    let root = folder.path().join("git");
    std::fs::create_dir_all(&root).map_err(|error| trouble(&error))?;
    let server = GitServer::start(&root, Options::default()).map_err(|error| trouble(&error))?;
    server
        .create("infra.git")
        .map_err(|error| trouble(&error))?;
    let url = server.url("infra.git");
    std::fs::write(folder.path().join("gitconfig"), CONFIG).map_err(|error| trouble(&error))?;
    let friday = last_friday(moment::now());
    story::tell(&url, folder.path(), friday)?;

    let mut stage = Stage {
        folder: folder.path(),
        url: &url,
        now: friday,
        output,
    };
    stage.say(&format!(
        "A throwaway infra repo with a month of deploys is served at {url}\n\
         (also to a browser of your choice: git clone {url})\n\n\
         It is Friday, 17:15. At 16:47 somebody deployed payments-service. The pager screams."
    ));
    stage.play("What runs in production?", &["status", "-e", "production"])?;
    stage.play(
        "What happened to payments-service?",
        &["history", "payments-service", "--limit", "6"],
    )?;
    stage.play(
        "What would a rollback do? (writes nothing)",
        &["plan", "payments-service", "production"],
    )?;
    stage.play(
        "Do it.",
        &[
            "rollback",
            "payments-service",
            "production",
            "--reason",
            "payments fail since 16:47",
            "--incident",
            "INC-4711",
            "--yes",
        ],
    )?;
    stage.play(
        "A nervous second run does no harm:",
        &["rollback", "payments-service", "production", "--yes"],
    )?;
    stage.play("And now?", &["status", "payments-service"])?;
    stage.play(
        "Nobody deploys it again by mistake: `ripcord guard` in CI refuses what stands here.",
        &["quarantine", "list"],
    )?;
    stage.play(
        "It was not the deploy after all? Roll forward again:",
        &["undo", "--reason", "it was the database", "--yes"],
    )?;
    stage.play(
        "The whole story, in Git:",
        &["history", "payments-service", "--limit", "4"],
    )?;
    if keep {
        stage.say(&format!(
            "The server stays up. Type the same by hand in another terminal, for example:\n\n    \
             ripcord status --repo {url}\n    ripcord rollback checkout-service production --repo {url}\n\n\
             Press Enter to throw everything away."
        ));
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
    }
    Ok(())
}

/// The latest Friday, 17:15 UTC: every evening of the demo is the same evening.
fn last_friday(now: Timestamp) -> Timestamp {
    let today = now.to_zoned(TimeZone::UTC);
    let days = i64::from(today.weekday().since(Weekday::Friday));
    let friday = today.date().saturating_sub(days.days()).at(17, 15, 0, 0);
    friday
        .to_zoned(TimeZone::UTC)
        .map_or(now, |at| at.timestamp())
}

/// Enough for git to commit on a machine where nobody configured it.
const CONFIG: &str = "[user]\n\tname = Dana On-Call\n\temail = dana@acme.example\n";

struct Stage<'a> {
    folder: &'a Path,
    url: &'a str,
    /// The moment that every command takes for the present.
    now: Timestamp,
    output: &'a mut Output,
}

impl Stage<'_> {
    fn say(&mut self, text: &str) {
        self.output
            .screen(|screen| writeln!(screen.out, "{text}\n"));
    }

    /// Shows a command as a person would type it, and runs it.
    fn play(&mut self, why: &str, args: &[&str]) -> Result<(), Problem> {
        let typed: Vec<String> = args
            .iter()
            .map(|arg| {
                if arg.contains(' ') {
                    format!("'{arg}'")
                } else {
                    (*arg).to_owned()
                }
            })
            .collect();
        let url = self.url;
        self.output.screen(|screen| {
            writeln!(screen.out, "# {why}")?;
            let command = format!("$ ripcord {} --repo {url}", typed.join(" "));
            writeln!(screen.out, "{}", screen.bold(&command))
        });
        let program = std::env::current_exe().map_err(|error| trouble(&error))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the demo runs ripcord itself, as a person would"
        )]
        let status = std::process::Command::new(program)
            .args(args)
            .args(["--repo", url])
            .env("GIT_CONFIG_GLOBAL", self.folder.join("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("RIPCORD_NOW", self.now.to_string())
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .env_remove("GIT_AUTHOR_NAME")
            .env_remove("GIT_AUTHOR_EMAIL")
            .env_remove("GIT_COMMITTER_NAME")
            .env_remove("GIT_COMMITTER_EMAIL")
            .env_remove("RIPCORD_REPO")
            .stdin(std::process::Stdio::null())
            .status()
            .map_err(|error| trouble(&error))?;
        self.output.screen(|screen| writeln!(screen.out));
        self.now += SignedDuration::from_secs(40);
        if status.success() {
            Ok(())
        } else {
            Err(Problem::new(
                Kind::Internal,
                "demo_failed",
                format!("`ripcord {}` ended with {status}", typed.join(" ")),
            ))
        }
    }
}

fn trouble(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Kind::Local,
        "demo_trouble",
        format!("the demo cannot be set up: {error}"),
    )
    .hint("it needs git with its HTTP backend (Debian: package git) and a writable temp folder")
}
