//! What was asked for now, on top of what was asked for before.

use ripcord_domain::config::Forge;
use ripcord_domain::{Kind, Problem, Service};
use ripcord_pipeline::{Download, SETTINGS_FILE, Settings, Side, Texts};

use crate::args::{Global, PipelineArgs};

/// The settings; `main` is the branch that the remote's HEAD names, where the clone knows it.
pub(super) fn settings(
    global: &Global,
    args: &PipelineArgs,
    there: &Texts,
    main: Option<String>,
) -> Result<Settings, Problem> {
    let forge = Forge::from(args.forge);
    let mut settings = if let Some(text) = there.get(SETTINGS_FILE) {
        known(Settings::read(text)?, forge, args)?
    } else {
        let mut fresh = Settings::new(forge, side(args)?, env!("CARGO_PKG_VERSION"));
        fresh.branch = main.unwrap_or(fresh.branch);
        fresh
    };
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    if let Some(name) = &args.service {
        settings.service = Some(Service::new(name));
    }
    if let Some(url) = &args.infra {
        settings.infra = given(url);
    }
    if let Some(branch) = &global.branch {
        settings.branch.clone_from(branch);
    }
    if let Some(registry) = &args.registry {
        settings.registry = given(registry);
    }
    if let Some(at) = &args.debt_at {
        settings.debt_at.clone_from(at);
    }
    for (typed, kept) in [
        (&args.runner, &mut settings.runner),
        (&args.key, &mut settings.keys),
    ] {
        if !typed.is_empty() {
            *kept = typed.iter().filter_map(given).collect();
        }
    }
    let ripcord = &mut settings.ripcord;
    if args.ripcord_url.is_some() || ripcord.url.is_none() {
        env!("CARGO_PKG_VERSION").clone_into(&mut ripcord.version);
    }
    if let Some(version) = &args.ripcord_version {
        ripcord.version.clone_from(version);
    }
    fetched(
        ripcord,
        args.ripcord_url.as_ref(),
        args.ripcord_sha256.as_ref(),
    );
    scanner(&mut settings, args)?;
    settings.proven()?;
    Ok(settings)
}

fn known(settings: Settings, forge: Forge, args: &PipelineArgs) -> Result<Settings, Problem> {
    let side = args.side.map(Side::from);
    if settings.forge == forge && side.is_none_or(|side| side == settings.side) {
        return Ok(settings);
    }
    Err(Problem::new(
        Kind::Refused,
        "other_pipeline",
        format!("{SETTINGS_FILE} is for another forge or side than this"),
    )
    .hint("if the repository has moved, delete `.ripcord/pipeline` and the files that it names, and begin anew"))
}

fn side(args: &PipelineArgs) -> Result<Side, Problem> {
    match (args.side, &args.service) {
        (Some(side), _) => Ok(side.into()),
        (None, Some(_)) => Ok(Side::Service),
        (None, None) => Err(Problem::new(
            Kind::Usage,
            "no_side",
            "nothing says whose repository this is: a service's or the infra repo",
        )
        .hint("a service's: `--service NAME --infra URL`")
        .hint("the infra repo: `--side infra`")),
    }
}

/// What is at another address has another sum.
fn fetched(download: &mut Download, url: Option<&String>, sha256: Option<&String>) {
    if let Some(url) = url {
        download.url = (!url.is_empty()).then(|| url.clone());
        download.sha256 = None;
    }
    if let Some(sum) = sha256 {
        download.sha256 = (!sum.is_empty()).then(|| sum.to_ascii_lowercase());
    }
}

fn scanner(settings: &mut Settings, args: &PipelineArgs) -> Result<(), Problem> {
    match args.scanner.as_deref() {
        None => {}
        Some("") => settings.scanner = None,
        Some(text) => {
            let Some((program, version)) = text.split_once('@') else {
                return Err(Problem::new(
                    Kind::Usage,
                    "bad_pipeline_setting",
                    format!("`{}` is no scanner with its version", text.escape_default()),
                )
                .hint("such as `--scanner trivy@0.74.0`"));
            };
            settings.scanner = Some(Download {
                program: program.to_owned(),
                version: version.to_owned(),
                url: None,
                sha256: None,
            });
        }
    }
    let (url, sha256) = (args.scanner_url.as_ref(), args.scanner_sha256.as_ref());
    match &mut settings.scanner {
        Some(scanner) => fetched(scanner, url, sha256),
        None if url.is_some() || sha256.is_some() => {
            return Err(Problem::new(
                Kind::Usage,
                "bad_pipeline_setting",
                "an address of a scanner is given, and no scanner",
            )
            .hint("such as `--scanner trivy@0.74.0`"));
        }
        None => {}
    }
    Ok(())
}
