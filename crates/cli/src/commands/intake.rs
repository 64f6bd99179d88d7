//! `intake`.

use std::io::Read;
use std::path::Path;

use ripcord_casebook::CaseError;
use ripcord_domain::incident::event::{Event, SourceKind};
use ripcord_domain::{Kind, Problem};
use ripcord_intake::{Headers, Mapping, Understood, understand};
use ripcord_server::api::{DeadLetters, Letter, Replayed};
use ripcord_server::settings::Settings;
use ripcord_store::DeliveryNumber;
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::{IntakeCommand, KindArg};
use crate::commands::serve;
use crate::moment;
use crate::render::{Output, incident as screen};
use crate::wiring;

/// What a body would be understood as.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tried {
    /// The number of the JSON form.
    pub(crate) schema: u32,
    /// What it tells.
    pub(crate) events: Vec<Event>,
    /// What it tells of that its sender cut off: how many.
    pub(crate) cut_off: u64,
    /// What it tells that says nothing here, and why.
    pub(crate) passed_over: Vec<String>,
}

pub(super) fn run(command: &IntakeCommand, output: &mut Output) -> Result<(), Problem> {
    match command {
        IntakeCommand::Try {
            file,
            kind,
            headers,
            settings,
            source,
            mapping,
        } => {
            let known = settings.as_deref().map(serve::settings).transpose()?;
            let (kind, name, known) = source_of(known.as_ref(), source.as_deref(), *kind)?;
            let mapping = mapping.as_deref().map(read_mapping).transpose()?;
            let mapping = mapping.unwrap_or(known);
            mapping.check(kind).map_err(|why| {
                Problem::new(Kind::Usage, "bad_mapping", why)
                    .hint("`--mapping FILE` names a file with what a source has as `mapping`")
            })?;
            let tried = tried(kind, &name, &mapping, headers, &body(file)?)?;
            output.value(&tried, |screen| screen::tried(screen, &tried));
            Ok(())
        }
        IntakeCommand::DeadLetters { limit, records } => {
            let mut records = wiring::records(records)?;
            let letters = records.dead_letters(*limit).map_err(CaseError::from)?;
            let letters = DeadLetters {
                schema: ripcord_casebook::SCHEMA,
                dead_letters: letters.into_iter().map(Letter::from).collect(),
            };
            output.value(&letters, |screen| {
                screen::dead_letters(screen, &letters.dead_letters)
            });
            Ok(())
        }
        IntakeCommand::Replay { numbers, records } => {
            let mut records = wiring::records(records)?;
            let numbers: Vec<DeliveryNumber> =
                numbers.iter().copied().map(DeliveryNumber).collect();
            let waiting = records.replay(&numbers).map_err(CaseError::from)?;
            if waiting == 0 {
                return Err(Problem::new(
                    Kind::Nothing,
                    "no_dead_letter",
                    "none of these is a dead letter",
                )
                .hint("`ripcord intake dead-letters` lists them"));
            }
            let replayed = Replayed {
                schema: ripcord_casebook::SCHEMA,
                waiting,
            };
            output.value(&replayed, |screen| {
                writeln!(
                    screen.out,
                    "{waiting} will be read again by the server that uses these records"
                )
            });
            Ok(())
        }
    }
}

/// What the body comes from: a source of the settings, else a kind with what is usual.
fn source_of(
    settings: Option<&Settings>,
    source: Option<&str>,
    kind: Option<KindArg>,
) -> Result<(SourceKind, String, Mapping), Problem> {
    let asked = kind.map(SourceKind::from);
    if let (Some(settings), Some(name)) = (settings, source) {
        let found = settings.sources.get(name).ok_or_else(|| {
            let known: Vec<&str> = settings.sources.keys().map(String::as_str).collect();
            let text = format!("the settings have no source `{name}`");
            Problem::new(Kind::Usage, "unknown_source", text)
                .hint(format!("they have: {}", known.join(", ")))
        })?;
        let kind = asked.unwrap_or(found.kind);
        return Ok((kind, name.to_owned(), found.mapping.clone()));
    }
    let kind = asked.ok_or_else(|| {
        Problem::new(
            Kind::Usage,
            "no_kind",
            "nothing tells what kind of system sends this",
        )
        .hint("add `--kind KIND`, or `--settings FILE --source NAME`")
    })?;
    Ok((kind, "try".to_owned(), Mapping::default()))
}

/// A mapping that is tried before it is in any settings.
fn read_mapping(file: &Path) -> Result<Mapping, Problem> {
    let bad = |why: String| {
        let text = format!("the mapping {}: {why}", file.display());
        Problem::new(Kind::Usage, "bad_mapping", text)
    };
    let text = std::fs::read_to_string(file).map_err(|error| bad(error.to_string()))?;
    serde_saphyr::from_str(&text).map_err(|error| bad(error.to_string()))
}

fn body(file: &Path) -> Result<Vec<u8>, Problem> {
    let read = if file == Path::new("-") {
        let mut body = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut body);
        read.map(|_| body)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| {
        let text = format!("cannot read {}: {error}", file.display());
        Problem::new(Kind::Usage, "no_body", text)
    })
}

fn tried(
    kind: SourceKind,
    name: &str,
    mapping: &Mapping,
    headers: &[String],
    body: &[u8],
) -> Result<Tried, Problem> {
    let mut pairs = Vec::new();
    for header in headers {
        let pair = header.split_once(':').ok_or_else(|| {
            Problem::new(
                Kind::Usage,
                "bad_header",
                format!("`{header}` is no header"),
            )
            .hint("write it as `Name: value`")
        })?;
        pairs.push((pair.0.trim(), pair.1.trim()));
    }
    let read = understand(kind, name, mapping, Headers(&pairs), body, moment::now());
    let bad = |text: String| Problem::new(Kind::Nothing, "not_understood", text);
    match read {
        Ok(Understood::Told(told)) => Ok(Tried {
            schema: ripcord_casebook::SCHEMA,
            events: told.events,
            cut_off: told.cut_off,
            passed_over: told.passed_over,
        }),
        Ok(Understood::Nothing(why)) => Ok(Tried {
            schema: ripcord_casebook::SCHEMA,
            events: Vec::new(),
            cut_off: 0,
            passed_over: vec![why],
        }),
        Err(error) => {
            Err(bad(error.to_string())
                .hint("a server answers 202 to it and keeps it as a dead letter"))
        }
    }
}

impl From<KindArg> for SourceKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Pagerduty => Self::Pagerduty,
            KindArg::Alertmanager => Self::Alertmanager,
            KindArg::Grafana => Self::Grafana,
            KindArg::Opsgenie => Self::Opsgenie,
            KindArg::Argocd => Self::Argocd,
            KindArg::Rollouts => Self::Rollouts,
            KindArg::Github => Self::Github,
            KindArg::Gitlab => Self::Gitlab,
            KindArg::Gitea => Self::Gitea,
            KindArg::Cdevents => Self::Cdevents,
            KindArg::Generic => Self::Generic,
        }
    }
}
