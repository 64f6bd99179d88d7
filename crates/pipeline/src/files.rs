//! The files of one side of a hotfix, from templates.

use ripcord_domain::config::Forge;
use ripcord_domain::receiving::Key;
use ripcord_domain::{Problem, Service};

use crate::settings::{Download, Settings, Side};

/// A file as ripcord writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Its path from the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
    /// It is written only where there is none: what is there is the repository's own.
    pub only_if_absent: bool,
}

/// The actions that the files use, pinned: tags `v7.0.1` and `v7.0.0` of
/// <https://github.com/actions/checkout/releases> and <https://github.com/actions/upload-artifact/releases>.
const GITHUB: Pins = Pins {
    checkout: "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    upload: "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
};

/// Gitea's runner brings the Node of its image, mostly 20, and its store of artifacts speaks the third version's
/// protocol (<https://docs.gitea.com/usage/actions/comparison>): tags `v4.3.1` and `v3.2.1-node20`.
const GITEA: Pins = Pins {
    checkout: "actions/checkout@34e114876b0b11c390a56381ad16ebd13914f8d5 # v4.3.1",
    upload: "actions/upload-artifact@c24449f33cd45d4826c6702db7e49f7cdb9b551d # v3.2.1-node20",
};

struct Pins {
    checkout: &'static str,
    upload: &'static str,
}

/// The properties of the payload of `deploy-service`, which are the inputs in Gitea, and what they mean.
const INPUTS: [(&str, bool, &str); 10] = [
    ("service", true, "The service"),
    ("image", true, "The image, without tag and digest"),
    ("tag", true, "The tag"),
    ("digest", true, "The digest of the image"),
    ("environment", true, "The environment"),
    ("correlation_id", true, "By which the deploy is followed"),
    ("hotfix", false, "The hotfix, as JSON"),
    ("source", false, "Repository and commit, as JSON"),
    (
        "gate",
        false,
        "The gate's record in its short form, as JSON",
    ),
    ("proof", false, "Who vouches for it, as JSON"),
];

/// The file that GitLab reads, and ours that it includes.
pub(crate) const GITLAB_ROOT: &str = ".gitlab-ci.yml";
pub(crate) const GITLAB_OURS: &str = ".gitlab/ripcord.gitlab-ci.yml";

/// The paths that [`crate::regenerate`] and [`crate::check`] have to know: folders end with `/`.
pub fn folders(forge: Forge) -> &'static [&'static str] {
    match forge {
        Forge::Github => &[".github/workflows/", ".ripcord/pipeline/"],
        Forge::Gitea => &[".gitea/workflows/", ".ripcord/pipeline/"],
        Forge::Gitlab => &[GITLAB_ROOT, ".gitlab/", ".ripcord/pipeline/"],
    }
}

/// The files, in the order in which a person should read them.
pub fn files(settings: &Settings) -> Result<Vec<GeneratedFile>, Problem> {
    settings.proven()?;
    let templates: &[(&str, &str)] = match (settings.forge, settings.side) {
        (Forge::Gitlab, Side::Service) => &[
            (GITLAB_OURS, include_str!("../templates/gitlab/service.yml")),
            (GITLAB_ROOT, include_str!("../templates/gitlab/include.yml")),
        ],
        (Forge::Gitlab, Side::Infra) => &[
            (GITLAB_OURS, include_str!("../templates/gitlab/infra.yml")),
            (GITLAB_ROOT, include_str!("../templates/gitlab/include.yml")),
        ],
        (_, Side::Service) => &[
            (
                "hotfix.yml",
                include_str!("../templates/actions/hotfix.yml"),
            ),
            (
                "reland.yml",
                include_str!("../templates/actions/reland.yml"),
            ),
            (
                "merge-back.yml",
                include_str!("../templates/actions/merge-back.yml"),
            ),
        ],
        (_, Side::Infra) => &[
            (
                "deploy-service.yml",
                include_str!("../templates/actions/deploy-service.yml"),
            ),
            ("guard.yml", include_str!("../templates/actions/guard.yml")),
            (
                "hotfix-debt.yml",
                include_str!("../templates/actions/hotfix-debt.yml"),
            ),
        ],
    };
    let folder = match settings.forge {
        Forge::Github => ".github/workflows/",
        Forge::Gitea => ".gitea/workflows/",
        Forge::Gitlab => "",
    };
    Ok(templates
        .iter()
        .map(|(name, template)| GeneratedFile {
            path: format!("{folder}{name}"),
            text: render(template, settings),
            only_if_absent: *name == GITLAB_ROOT,
        })
        .collect())
}

/// The secrets that have to be given to the forge, by their names in the order of the alphabet. Those that a file can do
/// without, since something else stands in for them, are among them.
pub fn secrets(settings: &Settings) -> Result<Vec<String>, Problem> {
    if settings.forge == Forge::Gitlab {
        let mut names = match settings.side {
            Side::Service => vec!["INFRA_REPO_TOKEN", "RIPCORD_TRIGGER_TOKEN"],
            Side::Infra => vec!["RIPCORD_PUSH_TOKEN", "RIPCORD_SOURCE_TOKEN"],
        };
        let keys = key_variables(settings);
        names.extend(keys.split(", ").filter(|name| !name.is_empty()));
        names.sort_unstable();
        return Ok(names.into_iter().map(str::to_owned).collect());
    }
    let mut names: Vec<String> = Vec::new();
    for file in files(settings)? {
        for rest in file.text.split("secrets.").skip(1) {
            let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
            names.extend(rest.split(|char| !is_name(char)).next().map(str::to_owned));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Puts in what stands for something: a line that is only `%%name%%` becomes the lines of it, or goes with the empty
/// line after it where there are none; within a line it becomes the words.
fn render(template: &str, settings: &Settings) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut dropped = false;
    for line in template.lines() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        let alone = trimmed
            .strip_prefix("%%")
            .and_then(|rest| rest.strip_suffix("%%"))
            .filter(|name| !name.contains('%'))
            .and_then(|name| block(name, settings));
        if let Some(block) = alone {
            dropped = block.is_empty();
            if dropped {
                continue;
            }
            let inner = render(&block, settings);
            lines.extend(inner.lines().map(|line| {
                if line.is_empty() {
                    String::new()
                } else {
                    format!("{indent}{line}")
                }
            }));
        } else if dropped && line.is_empty() {
            dropped = false;
        } else {
            dropped = false;
            lines.push(words(line, settings));
        }
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// What a name that has a line of its own stands for.
fn block(name: &str, settings: &Settings) -> Option<String> {
    let gitlab = settings.forge == Forge::Gitlab;
    let text = match name {
        "head" => format!(
            "# Written by `ripcord pipeline init {}`. Edit it where you have to: the next run keeps what was changed here.",
            forge_word(settings.forge)
        ),
        "install" => include_str!("../templates/actions/install.yml").to_owned(),
        "install-script" => include_str!("../templates/install.sh").to_owned(),
        "scanner-script" => include_str!("../templates/scanner.sh").to_owned(),
        "login-script" => include_str!("../templates/login.sh").to_owned(),
        "scanner" if settings.scanner.is_none() => String::new(),
        "scanner" if gitlab => in_subshell("%%scanner-script%%", "export PATH=\"$folder:$PATH\""),
        "scanner" => include_str!("../templates/actions/scanner.yml").to_owned(),
        "login" | "own-login" if settings.registry.is_none() => String::new(),
        "login" if gitlab => "# REGISTRY_USER and REGISTRY_PASSWORD: variables of the project, or of the job itself.\n- |\n  (\n    %%login-script%%\n  )".to_owned(),
        "login" => include_str!("../templates/actions/login.yml").to_owned(),
        // A request from a fork is given no password.
        "own-login" => include_str!("../templates/actions/login.yml").replacen(
            '\n',
            "\n  if: github.event.pull_request.head.repo.full_name == github.repository\n",
            1,
        ),
        "tags" if settings.runner.is_empty() => String::new(),
        "tags" => format!("tags: {}", flow(&settings.runner)),
        "addresses" => addresses(settings),
        "pinned" => pinned(&settings.ripcord),
        "trigger" if settings.forge == Forge::Gitea => inputs(),
        "trigger" => "repository_dispatch:\n  types: [deploy-service]".to_owned(),
        "packages" if is_own_registry(settings) => {
            "packages: read # the image is looked at".to_owned()
        }
        "packages" => String::new(),
        "proof" => proof(settings),
        "keys" => keys(settings),
        "source-token" => include_str!("../templates/gitlab/source-token.yml").to_owned(),
        "filter" if settings.forge == Forge::Gitea => String::new(),
        "filter" => "# Some runners start this for an event of any type.\nif: github.event.action == 'deploy-service'"
            .to_owned(),
        _ => return None,
    };
    Some(text)
}

fn in_subshell(script: &str, last: &str) -> String {
    format!("- |\n  {script}\n  {last}")
}

fn addresses(settings: &Settings) -> String {
    // What is known stands in the script.
    let mut lines = variables("RIPCORD", &settings.ripcord);
    lines.retain(|line| line.ends_with("\"\""));
    if let Some(scanner) = &settings.scanner {
        lines.extend(variables("SCANNER", scanner));
    }
    if let Some(registry) = &settings.registry {
        lines.push(format!("REGISTRY: \"{registry}\""));
        let own = registry == "registry.gitlab.com";
        if own {
            lines.push("REGISTRY_USER: $CI_REGISTRY_USER".to_owned());
            lines.push("REGISTRY_PASSWORD: $CI_REGISTRY_PASSWORD".to_owned());
        }
    }
    lines.join("\n")
}

/// What is installed, in the script itself: in GitLab a variable of the job gives way to one of the pipeline, which
/// whoever triggers it sets.
fn pinned(ripcord: &Download) -> String {
    let known = [
        ("VERSION", Some(&ripcord.version)),
        ("URL", ripcord.url.as_ref()),
        ("SHA256", ripcord.sha256.as_ref()),
    ];
    let mut lines =
        vec!["# Not variables of the job: a pipeline's own would go before them.".to_owned()];
    lines.extend(
        known
            .into_iter()
            .filter_map(|(name, value)| Some(format!("RIPCORD_{name}=\"{}\"", value?))),
    );
    lines.join("\n")
}

fn variables(prefix: &str, download: &Download) -> Vec<String> {
    vec![
        format!(
            "{prefix}_URL: \"{}\"",
            download.url.as_deref().unwrap_or_default()
        ),
        format!(
            "{prefix}_SHA256: \"{}\"",
            download.sha256.as_deref().unwrap_or_default()
        ),
    ]
}

/// The name of the key that the service's requests are signed with, and the key.
fn proof(settings: &Settings) -> String {
    let Some(name) = settings.keys.first() else {
        return String::new();
    };
    let name = format!("RIPCORD_PROOF_KEY_NAME: \"{name}\"");
    if settings.forge == Forge::Gitlab {
        return name;
    }
    format!("{name}\nRIPCORD_PROOF_KEY: ${{{{ secrets.RIPCORD_PROOF_KEY }}}}")
}

/// The keys that the receiver knows, each in the variable where it looks for it.
fn keys(settings: &Settings) -> String {
    let lines = settings.keys.iter().map(|name| {
        let variable = Key::variable(name);
        format!("{variable}: ${{{{ secrets.{variable} }}}}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Each input is a text; GitHub's payload is the same as an object.
fn inputs() -> String {
    let mut lines = vec!["workflow_dispatch:".to_owned(), "  inputs:".to_owned()];
    for (name, required, meaning) in INPUTS {
        lines.push(format!("    {name}:"));
        lines.push(format!("      description: {meaning}"));
        lines.push(format!("      required: {required}"));
        lines.push("      type: string".to_owned());
    }
    lines.join("\n")
}

/// Puts the words of a line in.
fn words(line: &str, settings: &Settings) -> String {
    let mut rest = line;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("%%") {
        out.push_str(before);
        let known = after
            .split_once("%%")
            .and_then(|(name, after)| Some((word(name, settings)?, after)));
        if let Some((word, after)) = known {
            out.push_str(&word);
            rest = after;
        } else {
            out.push_str("%%");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn word(name: &str, settings: &Settings) -> Option<String> {
    let gitea = settings.forge == Forge::Gitea;
    let pins = if gitea { &GITEA } else { &GITHUB };
    let scanner = settings.scanner.as_ref();
    // GitHub's own registry takes the token of a run.
    let ghcr = is_own_registry(settings);
    let text = match name {
        "service" => settings
            .service
            .as_ref()
            .map(Service::as_str)
            .unwrap_or_default(),
        "infra" => settings.infra.as_deref().unwrap_or_default(),
        "infra-host" => settings.infra.as_deref().map(origin).unwrap_or_default(),
        "key-variables" => return Some(key_variables(settings)),
        "branch" => &settings.branch,
        "cron" => &settings.debt_at,
        "version" => &settings.ripcord.version,
        "url" => settings.ripcord.url.as_deref().unwrap_or_default(),
        "sha256" => settings.ripcord.sha256.as_deref().unwrap_or_default(),
        "scanner-program" => &scanner?.program,
        "scanner-url" => scanner?.url.as_deref().unwrap_or_default(),
        "scanner-sha256" => scanner?.sha256.as_deref().unwrap_or_default(),
        "checkout" => pins.checkout,
        "upload" => pins.upload,
        "registry" => settings.registry.as_deref()?,
        "registry-user" if ghcr => "${{ secrets.REGISTRY_USER || github.actor }}",
        "registry-user" => "${{ secrets.REGISTRY_USER }}",
        "registry-password" if ghcr => "${{ secrets.REGISTRY_PASSWORD || github.token }}",
        "registry-password" => "${{ secrets.REGISTRY_PASSWORD }}",
        "payload" if gitea => "inputs",
        "payload" => "github.event.client_payload",
        "temp" if settings.forge == Forge::Gitlab => "$CI_PROJECT_DIR.tmp",
        "temp" => "$RUNNER_TEMP",
        "runner" => return Some(runner(&settings.runner)),
        _ => return None,
    };
    Some(text.to_owned())
}

fn is_own_registry(settings: &Settings) -> bool {
    settings.forge == Forge::Github && settings.registry.as_deref() == Some("ghcr.io")
}

/// Scheme and host of an address.
fn origin(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..]
        .find('/')
        .map_or(address.len(), |at| host + at);
    &address[..end]
}

/// The variables of a GitLab project that hold keys, for the list at the file's top.
fn key_variables(settings: &Settings) -> String {
    let variables = match settings.side {
        Side::Service if settings.keys.is_empty() => Vec::new(),
        Side::Service => vec!["RIPCORD_PROOF_KEY".to_owned()],
        Side::Infra => settings.keys.iter().map(|key| Key::variable(key)).collect(),
    };
    variables.iter().fold(String::new(), |mut text, name| {
        text.push_str(", ");
        text.push_str(name);
        text
    })
}

fn runner(labels: &[String]) -> String {
    match labels {
        [] => "ubuntu-latest".to_owned(),
        [one] => format!("\"{one}\""),
        many => flow(many),
    }
}

fn flow(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

/// The word for a forge on the command line.
pub(crate) fn forge_word(forge: Forge) -> &'static str {
    match forge {
        Forge::Github => "github",
        Forge::Gitlab => "gitlab",
        Forge::Gitea => "gitea",
    }
}
