//! Everything that reaches a person or a program: results on stdout, all else on stderr.

pub(crate) mod annotations;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod hotfix;
pub(crate) mod human;
pub(crate) mod incident;
pub(crate) mod pipeline;
pub(crate) mod recovery;
mod table;

use std::io::{self, BufRead, IsTerminal, Write};

use ripcord_domain::plan::SCHEMA;
use ripcord_domain::{Kind, Problem};
use ripcord_recovery::ship::Event;
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::{Format, Global};

/// An error as programs see it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Failure {
    /// The number of the JSON form.
    schema: u32,
    /// What went wrong.
    error: Problem,
    /// The exit code of the process.
    exit_code: u8,
}

/// Where and how to print.
pub(crate) struct Output {
    format: Format,
    colour: bool,
    /// Why a result could not be written.
    unwritten: Option<io::Error>,
    /// A program has its result: standard output holds one document and no second.
    answered: bool,
    /// Results are a stream of lines.
    streams: bool,
}

/// A place to print to for people.
pub(crate) struct Screen<'a> {
    pub(crate) out: &'a mut dyn Write,
    /// Whether there is room for more columns.
    pub(crate) wide: bool,
    colour: bool,
}

impl Screen<'_> {
    /// The text in bold, where colour is wanted.
    pub(crate) fn bold(&self, text: &str) -> String {
        self.painted("1", text)
    }

    /// The text in red, where colour is wanted.
    pub(crate) fn red(&self, text: &str) -> String {
        self.painted("31", text)
    }

    /// The text in green, where colour is wanted.
    pub(crate) fn green(&self, text: &str) -> String {
        self.painted("32", text)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Escapes control characters, but for line ends, tabs and our own colours.
fn plain(text: &str, colour: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let paint = PAINTS
            .iter()
            .find(|paint| colour && rest.starts_with(**paint));
        if let Some(paint) = paint {
            clean.push_str(paint);
            rest = &rest[paint.len()..];
            continue;
        }
        match next {
            '\n' | '\t' => clean.push(next),
            next if next.is_control() => clean.extend(next.escape_unicode()),
            next => clean.push(next),
        }
        rest = &rest[next.len_utf8()..];
    }
    clean
}

/// The only sequences that reach a terminal.
const PAINTS: [&str; 4] = ["\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"];

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let wanted =
            !global.no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let terminal =
            io::stdout().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb");
        Self {
            format: global.output,
            colour: wanted && terminal,
            unwritten: None,
            answered: false,
            streams: false,
        }
    }

    /// Prints a result in the format that was asked for.
    pub(crate) fn value<T: Serialize>(
        &mut self,
        value: &T,
        human: impl FnOnce(&mut Screen<'_>) -> io::Result<()>,
    ) {
        match self.format {
            Format::Text | Format::Wide | Format::Md | Format::Html => self.screen(human),
            Format::Json => {
                let text = serde_json::to_string_pretty(value).unwrap_or_default();
                self.write(format!("{text}\n").as_bytes(), Ok(()));
            }
            Format::Yaml => {
                let text = serde_saphyr::to_string(value).unwrap_or_default();
                self.write(text.as_bytes(), Ok(()));
            }
        }
    }

    /// Prints a result that is the whole answer even where it means a refusal.
    pub(crate) fn answer<T: Serialize>(
        &mut self,
        value: &T,
        human: impl FnOnce(&mut Screen<'_>) -> io::Result<()>,
    ) {
        self.answered = true;
        self.value(value, human);
    }

    /// Whether people read what is printed, and no program.
    pub(crate) fn is_for_people(&self) -> bool {
        matches!(self.format, Format::Text | Format::Wide)
    }

    /// Prints what another program reads, whatever the format.
    pub(crate) fn raw(&mut self, text: &str) {
        self.answered = true;
        self.write(text.as_bytes(), Ok(()));
    }

    /// Prints for people: what comes from a repository can neither move the cursor nor hide.
    pub(crate) fn screen(&mut self, print: impl FnOnce(&mut Screen<'_>) -> io::Result<()>) {
        let mut page = Vec::new();
        let mut screen = Screen {
            out: &mut page,
            wide: self.format == Format::Wide,
            colour: self.colour,
        };
        let printed = print(&mut screen);
        let text = plain(&String::from_utf8_lossy(&page), self.colour);
        self.write(text.as_bytes(), printed);
    }

    /// A reader that went away (`| head`) is no error; a full disk is.
    fn write(&mut self, bytes: &[u8], printed: io::Result<()>) {
        let mut out = io::stdout().lock();
        let written = printed
            .and_then(|()| out.write_all(bytes))
            .and_then(|()| out.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.unwritten = Some(error);
        }
    }

    /// Whether everything that was to be printed was.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        match self.unwritten.take() {
            None => Ok(()),
            Some(error) => Err(Problem::new(
                Kind::Local,
                "cannot_write",
                format!("the result could not be written: {error}"),
            )
            .hint("what was done is done; `ripcord status` shows it")),
        }
    }

    /// Prints what went wrong: for people on stderr, for programs on stdout too.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "error: {}", plain(&problem.message, false));
        for hint in &problem.hints {
            let _ = writeln!(err, "  hint: {}", plain(hint, false));
        }
        drop(err);
        if matches!(self.format, Format::Json | Format::Yaml) && !self.answered {
            let failure = Failure {
                schema: SCHEMA,
                error: problem.clone(),
                exit_code: problem.kind.exit_code(),
            };
            if self.streams {
                Self::line(&failure);
            } else {
                self.value(&failure, |_| Ok(()));
            }
        }
    }

    /// From here on results for programs are one JSON document in each line; whether they are for
    /// programs.
    pub(crate) fn stream(&mut self) -> bool {
        self.streams = self.is_data();
        self.streams
    }

    /// The stream has had its last document.
    pub(crate) fn stream_ended(&mut self) {
        self.answered = self.streams;
    }

    /// Whether a document is asked for, and no result.
    pub(crate) fn is_document(&self) -> bool {
        matches!(self.format, Format::Md | Format::Html)
    }

    /// Whether a page is asked for.
    pub(crate) fn is_page(&self) -> bool {
        self.format == Format::Html
    }

    /// Whether results are for programs.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.format, Format::Json | Format::Yaml)
    }

    /// Prints one value of a stream: a line of JSON.
    pub(crate) fn line<T: Serialize>(value: &T) {
        let text = serde_json::to_string(value).unwrap_or_default();
        let mut out = io::stdout().lock();
        // A reader that went away is no reason to stop in the middle of a recovery.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// Says a line to a person who watches; to nobody else.
    pub(crate) fn told(text: &str) {
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr().lock(), "{}", plain(text, false));
        }
    }

    /// Whether somebody is there to answer.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal() && self.is_for_people()
    }

    /// Asks on stderr and reads a line.
    pub(crate) fn ask(question: &str) -> Result<String, Problem> {
        let trouble = |error: io::Error| {
            Problem::new(
                Kind::Usage,
                "no_answer",
                format!("the answer could not be read: {error}"),
            )
            .hint("add `--yes` to go on without being asked")
        };
        let mut err = io::stderr().lock();
        write!(err, "{question}")
            .and_then(|()| err.flush())
            .map_err(trouble)?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(trouble)?;
        Ok(answer)
    }

    /// Says what takes its time, to a person who watches; to nobody else.
    pub(crate) fn note(text: &str) {
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr().lock(), "{text} …");
        }
    }

    /// Says what is going on, to a person who watches.
    pub(crate) fn progress() -> impl FnMut(Event) {
        |event| {
            let text = match event {
                Event::Fetching => "fetching the newest tip".to_owned(),
                Event::Pushing { commit, attempt: 1 } => format!("pushing {}", &commit[..10]),
                Event::Pushing { commit, attempt } => {
                    format!("pushing {} (attempt {attempt})", &commit[..10])
                }
                Event::LostRace => {
                    "somebody pushed in between; planning again on the new tip".to_owned()
                }
                Event::Checking => "the link broke; asking the remote what it has".to_owned(),
            };
            Self::note(&text);
        }
    }
}
