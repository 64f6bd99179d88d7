//! `receive`.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use ripcord_domain::hotfix::payload::MOST_CHARACTERS;
use ripcord_domain::hotfix::{HotfixName, Payload};
use ripcord_domain::{Kind, Problem};
use ripcord_hotfix::source::Sources;
use ripcord_hotfix::{Receiver, receive};
use ripcord_recovery::ship::Shipping;
use ripcord_registry::Registries;

use crate::args::{Global, ReceiveArgs};
use crate::moment;
use crate::render::{Output, hotfix as screen};
use crate::wiring::{self, Wanted};

/// How long a registry may take: whoever waits is a job, and a person behind it.
const REGISTRY: Duration = Duration::from_secs(20);
/// How long lost races are gone on with: a thousand requests may come at once, and a server takes about one push a
/// second.
const PATIENCE: Duration = Duration::from_mins(30);
/// The longest pause of a normal deploy after lost races: with it a thousand that wait make a few tries a second.
const PAUSE: Duration = Duration::from_mins(4);
/// The longest pause of a hotfix: it goes before deploys that wait.
pub(super) const PAUSE_OF_HOTFIX: Duration = Duration::from_secs(5);

pub(super) fn run(global: &Global, args: &ReceiveArgs, output: &mut Output) -> Result<(), Problem> {
    let payload = payload(args)?;
    let opened = wiring::open(global, Wanted::Environment(Some(&payload.environment)))?;
    let settings = opened.newest_for_steps()?.settings;
    let registries = Registries::new(settings.config.mirrors, REGISTRY);
    let sources = Sources::new(wiring::cache_root()?);
    let runtime = ripcord_runbook::runtime()?;
    let names = args.drops_hotfix.iter().map(|name| HotfixName::parse(name));
    let names: Vec<HotfixName> = names.collect::<Result<_, _>>()?;
    let receiver = Receiver {
        branch: &opened,
        registries: &registries,
        sources: &sources,
        secret: &|variable| std::env::var(variable).ok(),
        runtime: &runtime,
        drops: args.reason.clone().map(|reason| (names, reason)),
        is_own: false,
        clock: &moment::now,
    };
    let shipping = Shipping {
        push_to: None,
        patience: PATIENCE,
        longest_pause: if payload.hotfix.is_some() {
            PAUSE_OF_HOTFIX
        } else {
            PAUSE
        },
    };
    let mut progress = Output::progress();
    let received = receive(&receiver, &payload, args.dry_run, &shipping, &mut |event| {
        progress(event);
    })?;
    output.value(&received, |page| screen::received(page, &received));
    Ok(())
}

fn payload(args: &ReceiveArgs) -> Result<Payload, Problem> {
    if args.from_variables {
        return Payload::of_variables(|name| std::env::var(name).ok());
    }
    let Some(path) = &args.event else {
        return Err(unreadable(Path::new("-"), "no file is named"));
    };
    Payload::read(&text_of(path)?)
}

/// The event's text. An event holds more than the payload: what was sent, by whom, and the repository.
fn text_of(path: &Path) -> Result<String, Problem> {
    let most = u64::try_from(16 * MOST_CHARACTERS).unwrap_or(u64::MAX);
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(|error| unreadable(path, &error.to_string()))?;
    Ok(text)
}

fn unreadable(path: &Path, why: &str) -> Problem {
    Problem::new(
        Kind::Usage,
        "no_event",
        format!("the event {} cannot be read: {why}", path.display()),
    )
    .hint("`--event FILE` names it; a job of GitHub or Gitea has it in `GITHUB_EVENT_PATH`")
}
