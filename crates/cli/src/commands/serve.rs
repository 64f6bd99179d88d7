//! `serve`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use ripcord_casebook::CaseError;
use ripcord_connect::Which;
use ripcord_domain::{Kind, Problem};
use ripcord_git::Location;
use ripcord_lookout::{Commits, Syncs};
use ripcord_recovery::problems::from_repo;
use ripcord_server::looks::Look;
use ripcord_server::serve::{Parts, ServeError, serve};
use ripcord_server::settings::Settings;

use crate::args::{Global, ServeArgs};
use crate::moment;
use crate::wiring::{self, Wanted};

/// Reads the settings of a server.
pub(super) fn settings(file: &Path) -> Result<Settings, Problem> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let text = format!("cannot read {}: {error}", file.display());
        Problem::new(Kind::Usage, "bad_settings", text)
    })?;
    Settings::parse(&text)
}

pub(super) fn run(global: &Global, args: &ServeArgs) -> Result<(), Problem> {
    let settings = settings(&args.settings)?;
    let setting = wiring::records_setting(settings.records()?.as_deref())?;
    let parts = Parts {
        name: "server".to_owned(),
        sources: settings.sources()?,
        tokens: settings.tokens()?,
        calls_per_minute: settings.calls_per_minute,
        announce: settings.announce()?,
        zone: settings.zone()?,
        close_after: settings.close_after(),
        audit: audit(settings.audit.as_deref())?,
        looks: looks(global, &settings)?,
        say,
        records: Box::new(move || ripcord_store::open(&setting)),
        clock: moment::now,
    };
    if args.check {
        (parts.records)().map_err(CaseError::from)?;
        say(&format!(
            "the settings, {} sources, {} tokens and the records can be used",
            parts.sources.len(),
            parts.tokens.len()
        ));
        return Ok(());
    }
    let address = args.listen.unwrap_or(settings.listen);
    let listening = |address| say(&format!("listening on http://{address}"));
    serve(parts, address, listening, told_to_end()).map_err(|error| match error {
        ServeError::Store(error) => CaseError::from(error).into(),
        ServeError::Listen { .. } => Problem::new(Kind::Local, "cannot_listen", error.to_string())
            .hint("another program listens there, or it is no address of this machine: `--listen`"),
        ServeError::System(_) => Problem::new(Kind::Local, "cannot_serve", error.to_string()),
    })
}

/// What is asked again and again: every infra repo, every Argo CD. What cannot be reached now is asked again.
fn looks(global: &Global, settings: &Settings) -> Result<Vec<Look>, Problem> {
    let mut looks = Vec::new();
    for infra in &settings.infra {
        // An address may hold a password: it is shown as git's own parts show it.
        let name = match Location::parse(&infra.repo).map_err(from_repo)? {
            Location::Remote(url) => url.to_string(),
            Location::Clone(path) => path.display().to_string(),
        };
        let of = Global {
            repo: Some(infra.repo.clone()),
            branch: infra.branch.clone(),
            ..global.clone()
        };
        let mut commits = None;
        looks.push(Look {
            name,
            every: Duration::from_secs(infra.every_seconds.into()),
            ask: Box::new(move |now| {
                let commits = match &mut commits {
                    Some(commits) => commits,
                    none => none.insert(Commits::of(wiring::open(&of, Wanted::DefaultBranch)?)),
                };
                commits.look(now)
            }),
        });
    }
    for (name, argocd) in &settings.argocd {
        let which = Which {
            context: argocd.context.clone(),
            server: argocd.server.clone(),
            namespace: argocd.namespace.clone(),
        };
        let syncs = Syncs::of(name.clone(), which, argocd.mapping.clone());
        let runtime = ripcord_runbook::runtime()?;
        looks.push(Look {
            name: name.clone(),
            every: Duration::from_secs(argocd.every_seconds.into()),
            ask: Box::new(move |now| runtime.block_on(syncs.look(now))),
        });
    }
    Ok(looks)
}

fn audit(file: Option<&Path>) -> Result<Box<dyn Write + Send>, Problem> {
    let Some(file) = file else {
        return Ok(Box::new(std::io::stderr()));
    };
    let opened = OpenOptions::new().create(true).append(true).open(file);
    let opened = opened.map_err(|error| {
        let text = format!("the audit cannot be written to {}: {error}", file.display());
        Problem::new(Kind::Local, "no_audit", text)
    })?;
    Ok(Box::new(opened))
}

/// Whoever started it reads this in its log, also where nobody watches.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Comes when the process is told to end: by Kubernetes, by systemd, by Ctrl-C.
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
