//! `review`.

use std::io::Write;
use std::path::Path;

use jiff::tz::TimeZone;
use ripcord_casebook::{Case, CaseError, Saying, Teller};
use ripcord_domain::{Kind, Problem};
use ripcord_review::{Knowledge, Review, action_item, blame, html, markdown, unwritten};

use crate::args::ReviewArgs;
use crate::moment;
use crate::render::{Output, incident as screen};
use crate::wiring;

pub(super) fn run(args: &ReviewArgs, output: &mut Output) -> Result<(), Problem> {
    if let Some(from) = args.from.as_deref() {
        let text = read(from)?;
        if args.items {
            let open = action_item::open_items(&text);
            output.value(&open, |screen| screen::items(screen, &open));
            return Ok(());
        }
        if args.lint {
            return lint(args, &text, output);
        }
    }
    let case = case(args)?;
    let review = review_of(&case);
    if let Some(file) = args.write.as_deref() {
        return write(args, &case, &review, file, output);
    }
    let written = args.from.as_deref().map(read).transpose()?;
    if output.is_page() {
        output.raw(&html(&review, written.as_deref()));
    } else if output.is_document() {
        output.raw(&markdown(&review, written.as_deref()));
    } else {
        output.value(&review, |screen| {
            write!(screen.out, "{}", markdown(&review, written.as_deref()))
        });
    }
    Ok(())
}

fn case(args: &ReviewArgs) -> Result<Case, Problem> {
    let mut records = wiring::records(&args.saying.records)?;
    let incident = ripcord_casebook::find(records.as_mut(), &args.incident)?;
    let zone = TimeZone::system();
    Ok(ripcord_casebook::case(records.as_mut(), incident, &zone).map_err(CaseError::from)?)
}

fn review_of(case: &Case) -> Review {
    // What gates and policies there were is not recorded yet: it is unknown, and the review says so.
    let knowledge = Knowledge::default();
    Review::of(&case.incident, &case.events, &case.deploys, &knowledge)
}

fn read(file: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(file).map_err(|error| {
        let text = format!("cannot read {}: {error}", file.display());
        Problem::new(Kind::Usage, "no_review", text)
    })
}

/// Writes it beside and renames: a full disk or a kill leaves what people wrote as it was.
fn write(
    args: &ReviewArgs,
    case: &Case,
    review: &Review,
    file: &Path,
    output: &mut Output,
) -> Result<(), Problem> {
    let written = match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let text = format!("cannot read {}: {error}", file.display());
            return Err(Problem::new(Kind::Local, "no_review", text)
                .hint("nothing was written: what people wrote there could not be kept"));
        }
    };
    let text = markdown(review, written.as_deref());
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let saved = std::fs::create_dir_all(folder).and_then(|()| {
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        beside.write_all(text.as_bytes())?;
        beside.as_file().sync_all()?;
        beside.persist(file).map_err(|error| error.error)
    });
    saved.map_err(|error| {
        let text = format!("{} cannot be written: {error}", file.display());
        Problem::new(Kind::Local, "cannot_write", text).hint("what was there is unchanged")
    })?;
    let open = unwritten(&text);
    if open.is_empty() && case.incident.reviewed.0.is_none() {
        record(args, case, file)?;
    }
    output.value(review, |screen| {
        writeln!(
            screen.out,
            "the review of {} is in {}; what people wrote there is kept",
            review.id,
            file.display()
        )?;
        match open.as_slice() {
            [] => writeln!(screen.out, "  it is written: that is recorded"),
            open => writeln!(screen.out, "  to be written: {}", open.join(", ")),
        }
    });
    Ok(())
}

/// Tells the incident that its review is written.
fn record(args: &ReviewArgs, case: &Case, file: &Path) -> Result<(), Problem> {
    let author = wiring::author(&args.saying);
    let place = wiring::machine();
    let teller = Teller {
        author: &author,
        place: &place,
        now: moment::now(),
        chance: fastrand::u128(..),
    };
    let saying = Saying::Reviewed {
        place: file.display().to_string(),
    };
    let mut records = wiring::records(&args.saying.records)?;
    let id = case.incident.id.as_str();
    ripcord_casebook::say(records.as_mut(), Some(id), &saying, &teller)?;
    Ok(())
}

fn lint(args: &ReviewArgs, text: &str, output: &mut Output) -> Result<(), Problem> {
    let case = case(args)?;
    let people: Vec<&str> = case
        .events
        .iter()
        .filter_map(|event| event.author.as_deref())
        .chain(
            case.deploys
                .iter()
                .filter_map(|deploy| deploy.by.as_deref()),
        )
        .collect();
    let blamed = blame::lint(text, &people);
    let items = action_item::items(text).findings;
    let linted = screen::Linted { blamed, items };
    let found = linted.blamed.len() + linted.items.len();
    output.answer(&linted, |screen| screen::linted(screen, &linted));
    if found == 0 {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Refused,
        "review_findings",
        format!("to be looked at in the review: {found}"),
    ))
}
