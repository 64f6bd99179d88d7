//! A deploy that a service's pipeline asks for: one commit that sets the image, and nothing else.
//!
//! Everything is looked at again on each tip that the push is tried on: whether the request was carried out
//! already, whether the version is quarantined, whether it would drop a hotfix. So a thousand requests at once
//! each land or hear why not.

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::catalog::{Place as Declared, Unit};
use ripcord_domain::config::Settings;
use ripcord_domain::hotfix::{Payload, Shipped};
use ripcord_domain::live::image::Aim;
use ripcord_domain::message::trailer;
use ripcord_domain::plan::{CommitText, Outcome, Plan, Pushed, ServicePlan};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::receiving::is_from;
use ripcord_domain::{Catalog, Environment};
use ripcord_git::{Commit, Mode, Repo, trailers};
use ripcord_manifest::{NewImage, deploy_image};

use crate::draft::{Changed, Content, Draft, File};
use crate::history::DEEPER;
use crate::problems::from_repo;
use crate::rollback::{self, Prepared};
use crate::ship::{self, Event, Shipping};
use crate::survey::{self, Branch, Extent, Place};
use crate::{hotfixes, places, quarantine};

/// The code of a refused image.
pub const FOREIGN_IMAGE: &str = "foreign_image";

/// Commits in which a request is looked for where no time is named.
const NEAR: usize = 2_000;
/// So many commits in a row that are older than was asked for are its past.
const OLDER: usize = 100;

/// What a deploy meets on a tip, for who has rules of their own about it.
pub struct Situation<'a> {
    /// The configuration there.
    pub settings: &'a Settings,
    /// The service in the environment, as it is declared before the deploy.
    pub unit: &'a Unit,
    /// Its hotfixes there.
    pub hotfixes: &'a [Shipped],
}

/// Refuses a deploy on a tip.
pub type Judge<'f> = dyn Fn(&Situation<'_>) -> Result<(), Problem> + 'f;

/// A deploy to be made.
pub struct Wanted<'a> {
    /// What is asked for, already checked against its registry.
    pub payload: &'a Payload,
    /// The SHA-256 of the gate's record, in hex.
    pub gate_record: Option<String>,
    /// For how long back the same request is known again.
    pub known_for: SignedDuration,
    /// More lines for the commit, each with the trailer's name.
    pub trailers: Vec<(String, String)>,
    /// What is to be asked on each tip.
    pub judge: &'a Judge<'a>,
}

/// Shows the deploy on the newest tip and writes nothing.
///
/// # Errors
/// As [`deploy`].
pub fn plan(branch: &Branch, wanted: &Wanted<'_>, now: Timestamp) -> Result<Plan, Problem> {
    Ok(prepare(&branch.repo, &branch.newest()?, wanted, now)?.plan)
}

/// Commits the deploy and pushes it through any race. Where it was carried out before, nothing is pushed and
/// the plan names the commit of then.
///
/// # Errors
/// An unknown service or environment, an image that is not its, a quarantined version, what `judge` refuses,
/// trouble with the remote; nothing is on the remote then unless the message says so.
pub fn deploy(
    branch: &Branch,
    wanted: &Wanted<'_>,
    shipping: &Shipping,
    clock: &dyn Fn() -> Timestamp,
    watch: &mut dyn FnMut(Event),
) -> Result<Plan, Problem> {
    ship::ship(
        branch,
        shipping,
        clock,
        watch,
        &mut |place, _| prepare(&branch.repo, place, wanted, clock()),
        &mut |_, _, _| Ok(true),
        &[],
        // Nobody agreed to a difference: what was deployed meanwhile is judged anew.
        true,
    )
}

fn prepare<'a>(
    repo: &'a Repo,
    place: &Place,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Prepared<'a>, Problem> {
    let payload = wanted.payload;
    let draft = Draft::on(repo, place.tree);
    let oldest = now.as_second() - wanted.known_for.as_secs();
    if let Some(commit) = carried_out(repo, place, &payload.correlation_id, oldest)? {
        is_this_request(&commit, &place.settings, payload)?;
        return Ok(done_already(repo, place, draft, commit.id.to_string()));
    }
    let settings = &place.settings;
    let mut catalog = survey::catalog_of(repo, place, &[&payload.service])?;
    let find = |catalog: &Catalog| {
        let unit = catalog.find(settings, &payload.service, Some(&payload.environment));
        unit.cloned()
    };
    let mut unit = find(&catalog)?;
    if images_of(settings, &unit, payload)?
        .iter()
        .any(|place| place.inherited)
    {
        // Who else builds on the same files shows only when all are read.
        catalog = survey::catalog(repo, place, Extent::Whole)?;
        unit = find(&catalog)?;
    }
    let unit = &unit;
    let ours = images_of(settings, unit, payload)?;
    let shipped = hotfixes::of_unit(repo, place.tree, &unit.service, &unit.environment)?;
    (wanted.judge)(&Situation {
        settings,
        unit,
        hotfixes: &shipped,
    })?;
    let mut draft = draft;
    for declared in &ours {
        set(settings, &mut draft, unit, declared, payload)?;
    }
    refuse_quarantined(repo, place, &draft, unit, &ours, now)?;
    if let Some(record) = Shipped::of(payload, unit.name(), now) {
        let path = record.path();
        let earlier = shipped.iter().find(|one| one.name == record.name);
        let record = record.after(earlier);
        let same = earlier.is_some_and(|one| one.digest == record.digest && one.tag == record.tag);
        if !same {
            draft.set(
                path.as_bytes(),
                Some(File {
                    mode: Mode::Blob,
                    content: Content::Bytes(record.text().into_bytes()),
                }),
            );
        }
    }
    let changes: Vec<_> = draft.changed()?.iter().map(Changed::shown).collect();
    let commit = (!changes.is_empty()).then(|| message(unit, wanted));
    let service = part(unit, &changes);
    let plan = rollback::planned(
        "deploy",
        repo,
        place,
        vec![service],
        changes,
        Vec::new(),
        commit,
    );
    Ok(Prepared {
        plan,
        draft,
        goals: Vec::new(),
        own_files_only: false,
    })
}

/// The commit on the branch's newest tip by which a request was carried out, if it was.
///
/// # Errors
/// The remote cannot be reached; another request had the same id.
pub fn landed(branch: &Branch, payload: &Payload) -> Result<Option<String>, Problem> {
    let place = branch.newest()?;
    let found = match seen(&branch.repo, &place, &payload.correlation_id, None)? {
        Seen::Commit(commit) => Some(*commit),
        Seen::Nothing | Seen::Boundary => None,
    };
    if let Some(commit) = &found {
        is_this_request(commit, &place.settings, payload)?;
    }
    Ok(found.map(|commit| commit.id.to_string()))
}

/// The commit that carried a request out, if one did that is not older than `since`; more of the past is fetched for
/// it where it is not here.
fn carried_out(
    repo: &Repo,
    place: &Place,
    correlation_id: &str,
    since: i64,
) -> Result<Option<Commit>, Problem> {
    let mut deeper = DEEPER.into_iter();
    loop {
        match seen(repo, place, correlation_id, Some(since))? {
            Seen::Commit(commit) => return Ok(Some(*commit)),
            Seen::Nothing => return Ok(None),
            Seen::Boundary => repo
                .deepen(&place.branch, deeper.next())
                .map_err(from_repo)?,
        }
    }
}

/// What the branch shows of a request.
enum Seen {
    Commit(Box<Commit>),
    /// Nothing, as far back as was asked.
    Nothing,
    /// Nothing in what is here of the past, and that ends before.
    Boundary,
}

/// Looks back to a time, or over the newest commits.
fn seen(
    repo: &Repo,
    place: &Place,
    correlation_id: &str,
    since: Option<i64>,
) -> Result<Seen, Problem> {
    let most = if since.is_some() { usize::MAX } else { NEAR };
    let mut older = 0;
    for link in repo.first_parents(place.tip).take(most) {
        let link = link.map_err(from_repo)?;
        let commit = repo.commit(link.commit).map_err(from_repo)?;
        if says(&commit, trailer::CORRELATION_ID, correlation_id) {
            return Ok(Seen::Commit(Box::new(commit)));
        }
        // One clock that was wrong ends nothing.
        older = match since {
            Some(since) if commit.committer.seconds < since => older + 1,
            _ => 0,
        };
        if older == OLDER {
            return Ok(Seen::Nothing);
        }
        if link.boundary {
            return Ok(Seen::Boundary);
        }
    }
    Ok(Seen::Nothing)
}

fn says(commit: &Commit, name: &str, wanted: &str) -> bool {
    let all = trailers::trailers(&commit.message);
    let mut of_name = all.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    of_name.any(|(_, value)| value == wanted)
}

/// Refuses a request whose id another one had: it was not carried out by that commit.
fn is_this_request(commit: &Commit, settings: &Settings, payload: &Payload) -> Result<(), Problem> {
    let all = trailers::trailers(&commit.message);
    let environment = settings.environment(&payload.environment);
    let is_there = all.iter().any(|(key, value)| {
        let said = Environment::new(value);
        key.eq_ignore_ascii_case(trailer::ENVIRONMENT)
            && (said == environment || said.answers_to(&payload.environment))
    });
    let service = settings.service(&payload.service);
    let is_it = says(commit, trailer::SERVICE, service.as_str())
        && is_there
        && says(commit, trailer::IMAGE_DIGEST, &payload.digest);
    if is_it {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Refused,
        "correlation_id_reused",
        format!(
            "{} was carried out by {} already, and deployed something else",
            payload.correlation_id, commit.id
        ),
    )
    .hint("each request needs a `correlation_id` of its own; nothing was deployed by this one"))
}

fn done_already<'a>(
    repo: &'a Repo,
    place: &Place,
    draft: Draft<'a>,
    commit: String,
) -> Prepared<'a> {
    let mut plan = rollback::planned(
        "deploy",
        repo,
        place,
        Vec::new(),
        Vec::new(),
        Vec::new(),
        None,
    );
    plan.outcome = Outcome::NothingToDo;
    plan.pushed = Some(Pushed {
        commit,
        branch: place.branch.clone(),
        attempts: 0,
    });
    Prepared {
        plan,
        draft,
        goals: Vec::new(),
        own_files_only: true,
    }
}

/// The places of the unit that run the image. What other units share is not this deploy's to change.
fn images_of<'u>(
    settings: &Settings,
    unit: &'u Unit,
    payload: &Payload,
) -> Result<Vec<&'u Declared>, Problem> {
    let last = |name: &str| name.rsplit('/').next().map(str::to_owned);
    let is_exact = |place: &&Declared| place.image_name() == payload.image;
    let is_same_name = |place: &&Declared| last(place.image_name()) == last(&payload.image);
    let all = || unit.places.iter().filter(|place| is_image(place));
    let mut ours: Vec<&Declared> = all().filter(is_exact).collect();
    let is_known = !ours.is_empty();
    if ours.is_empty() {
        ours = all().filter(is_same_name).collect();
    }
    if ours.is_empty() && all().count() == 1 {
        ours = all()
            .filter(|place| !place.image_name().contains('/'))
            .collect();
    }
    let runs = || {
        let names: Vec<&str> = all().map(Declared::image_name).collect();
        names.join(", ")
    };
    if ours.is_empty() {
        return Err(Problem::new(
            Kind::Refused,
            FOREIGN_IMAGE,
            format!(
                "{} in {} runs no image {}; it runs: {}",
                unit.service,
                unit.environment,
                payload.image,
                runs()
            ),
        ));
    }
    let registries = &settings.config.receive.registries;
    let is_allowed = is_from(&payload.image, registries) || (registries.is_empty() && is_known);
    if !is_allowed {
        return Err(Problem::new(
            Kind::Refused,
            FOREIGN_IMAGE,
            format!("{} is from no registry that deploys may come from", payload.image),
        )
        .hint("`receive.registries` in ripcord.yaml of the infra repo names them, such as `ghcr.io/acme`"));
    }
    // A reference in one piece keeps its name: another registry would be another image.
    let elsewhere = ours
        .iter()
        .find(|place| place.image_name().contains('/') && place.image_name() != payload.image);
    if let Some(place) = elsewhere {
        return Err(Problem::new(
            Kind::Refused,
            FOREIGN_IMAGE,
            format!(
                "{} runs {} and not {}: a deploy sets the version and leaves the name",
                unit.service,
                place.image_name(),
                payload.image
            ),
        ));
    }
    // What the environment says itself wins over what it inherits.
    if ours.iter().any(|place| !place.inherited) {
        ours.retain(|place| !place.inherited);
    }
    if let Some(place) = ours.iter().find(|place| !place.shared_with.is_empty()) {
        let others: Vec<String> = place
            .shared_with
            .iter()
            .map(|(service, environment)| format!("{service} in {environment}"))
            .collect();
        return Err(Problem::new(
            Kind::Refused,
            "shared_place",
            format!(
                "{} declares the version for {} too; a deploy to {} would change them",
                place.id.path,
                others.join(", "),
                unit.environment
            ),
        )
        .hint("give the environment an entry of its own for this image, then deploy"));
    }
    Ok(ours)
}

fn is_image(place: &Declared) -> bool {
    let mut values = place.values.iter();
    values.any(|value| matches!(value.role.as_str(), "image" | "tag" | "digest"))
}

fn set(
    settings: &Settings,
    draft: &mut Draft<'_>,
    unit: &Unit,
    declared: &Declared,
    payload: &Payload,
) -> Result<(), Problem> {
    let path = &declared.id.path;
    let cannot = |why: &str| {
        Problem::new(
            Kind::Refused,
            "cannot_set",
            format!(
                "{path}: the version of {} cannot be set: {why}",
                unit.service
            ),
        )
    };
    let Some(file) = draft.file(path.as_bytes())? else {
        return Err(cannot("the file is not there"));
    };
    let bytes = file.bytes().ok_or_else(|| cannot("it is no plain file"))?;
    let rules = survey::rules(settings, path);
    let new = NewImage {
        tag: &payload.tag,
        digest: &payload.digest,
    };
    let bytes = deploy_image(bytes, path, &declared.id.key, &rules, new)
        .map_err(|error| cannot(&error.to_string()))?;
    let mode = file.mode;
    draft.set(
        path.as_bytes(),
        Some(File {
            mode,
            content: Content::Bytes(bytes),
        }),
    );
    Ok(())
}

/// Refuses a version that is kept out, by what the files will say.
fn refuse_quarantined(
    repo: &Repo,
    place: &Place,
    draft: &Draft<'_>,
    unit: &Unit,
    ours: &[&Declared],
    now: Timestamp,
) -> Result<(), Problem> {
    let known = quarantine::of_service(repo, place.tree, &unit.service)?;
    if known.entries.is_empty() {
        return Ok(());
    }
    let after = places::state_of(&place.settings, unit, |path| {
        let file = draft.file(path.as_bytes())?;
        Ok(file.and_then(|file| file.bytes().map(<[u8]>::to_vec)))
    })?;
    for declared in ours {
        let Some(values) = after.get(&declared.id) else {
            continue;
        };
        let kept_out = known.keeping_out(&unit.environment, &declared.subject, values, now);
        if let Some(entry) = kept_out {
            return Err(Problem::new(
                Kind::Refused,
                crate::guard::QUARANTINED,
                format!(
                    "{} must not be deployed to {} until {}{}",
                    entry.version,
                    unit.environment,
                    entry.until,
                    quarantine::because(entry)
                ),
            )
            .hint(format!(
                "a commit of its own allows it again: `{}`",
                entry.lifted_by(&unit.service)
            )));
        }
    }
    Ok(())
}

fn part(unit: &Unit, changes: &[ripcord_domain::plan::FileChange]) -> ServicePlan {
    ServicePlan {
        service: unit.service.clone(),
        environment: unit.environment.clone(),
        current: ripcord_domain::plan::Current {
            version: unit.version().to_owned(),
            commit: None,
            since: None,
            author: None,
        },
        target: None,
        candidates: Vec::new(),
        scope: ripcord_domain::plan::Scope::Version,
        nothing_to_do: None,
        history_complete: false,
        changes: changes.to_vec(),
        files: places::files_of(unit),
        images: Aim::default(),
    }
}

fn message(unit: &Unit, wanted: &Wanted<'_>) -> CommitText {
    let payload = wanted.payload;
    let (service, environment) = (unit.service.as_str(), unit.environment.as_str());
    let subject = format!("deploy: {service} {} to {environment}", payload.tag);
    let body = format!(
        "{subject}\n\n{service} in {environment}: {} -> {}\n",
        unit.version(),
        payload.tag
    );
    let mut pairs = vec![
        (trailer::SERVICE.to_owned(), service.to_owned()),
        (trailer::ENVIRONMENT.to_owned(), environment.to_owned()),
        (trailer::IMAGE_DIGEST.to_owned(), payload.digest.clone()),
        (
            trailer::CORRELATION_ID.to_owned(),
            payload.correlation_id.clone(),
        ),
    ];
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            pairs.push((key.to_owned(), value));
        }
    };
    let hotfix = payload.hotfix.as_ref();
    add(trailer::HOTFIX, hotfix.map(|fix| fix.name.to_string()));
    add(
        trailer::INCIDENT,
        hotfix.and_then(|fix| fix.incident.clone()),
    );
    let source = payload.source.as_ref();
    add(
        trailer::SOURCE_COMMIT,
        source.map(|from| from.commit.clone()),
    );
    add(
        trailer::SOURCE_REPOSITORY,
        source.and_then(|from| from.repository.clone()),
    );
    add(trailer::GATE_RECORD, wanted.gate_record.clone());
    pairs.extend(wanted.trailers.iter().cloned());
    pairs.push((
        trailer::VERSION.to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    ));
    CommitText {
        subject,
        message: trailers::with_trailers(&body, &pairs),
    }
}
