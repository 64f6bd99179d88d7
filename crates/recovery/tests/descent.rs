//! How later commits stand to the one of a rollback, and what was agreed to before it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::time::Duration;

use jiff::Timestamp;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::Problem;
use ripcord_git::Repo;
use ripcord_recovery::agreement::Agreement;
use ripcord_recovery::keep::{Descent, Keeper};
use ripcord_recovery::request::{Consent, Request, Selection, Words};
use ripcord_recovery::ship::{self, Shipping};
use ripcord_recovery::survey::Branch;
use ripcord_testkit::{InfraRepo, Scratch};

const OVERLAY: &str = "services/pay/overlays/production/kustomization.yaml";

struct Place {
    infra: InfraRepo,
    _scratch: Scratch,
}

impl Place {
    /// Version 1 was good, version 2 is bad.
    fn broken() -> Self {
        let scratch = Scratch::new().unwrap();
        let infra = InfraRepo::new(&scratch, "infra.git").unwrap();
        infra.git(&["config", "user.name", "Dana"]).unwrap();
        infra
            .git(&["config", "user.email", "dana@acme.example"])
            .unwrap();
        let mut place = Self {
            infra,
            _scratch: scratch,
        };
        place.deploy(1, "");
        place.deploy(2, "");
        place
    }

    fn deploy(&mut self, version: u8, more: &str) -> String {
        let text = format!("images:\n  - name: acme/pay\n    newTag: v{version}\n{more}");
        self.infra.write(OVERLAY, text);
        let commit = self.infra.commit(&format!("deploy: pay v{version}"));
        commit.land().unwrap()
    }

    fn note(&mut self) -> String {
        self.infra.write("docs/notes.md", "x\n");
        self.infra.commit("Write it down").land().unwrap()
    }

    fn branch(&self) -> Branch {
        Branch {
            repo: Repo::open_clone(self.infra.path()).unwrap(),
            name: "main".into(),
            is_default: true,
            configuration: None,
            inherited: None,
            cache: None,
        }
    }

    /// Rolls back; the plan and what was agreed to.
    fn roll_back(&self, agreed: &Agreement) -> Result<(Plan, Agreement), Problem> {
        let mut kept = Agreement::default();
        let plan = ship::rollback_as_agreed(
            &self.branch(),
            &request(),
            agreed,
            &shipping(),
            &clock,
            &mut |_, agreed| {
                kept = agreed.clone();
                Ok(true)
            },
            &mut |_| (),
        )?;
        Ok((plan, kept))
    }
}

fn request() -> Request {
    Request {
        selection: Selection::Services(vec!["pay".into()]),
        environment: Some("production".into()),
        to: None,
        scope: None,
        again: false,
        consent: Consent::default(),
        words: Words::default(),
        quarantine: None,
    }
}

fn clock() -> Timestamp {
    "2026-11-20T17:15:00Z".parse().unwrap()
}

fn shipping() -> Shipping {
    Shipping {
        push_to: None,
        patience: Duration::from_mins(1),
        longest_pause: Duration::from_secs(10),
    }
}

#[test]
fn a_later_commit_keeps_takes_back_or_overtakes() {
    let mut place = Place::broken();
    let (plan, _) = place.roll_back(&Agreement::default()).unwrap();
    let ours = plan.pushed.clone().unwrap().commit;
    let beside = place.note();
    let hotfix = place.deploy(3, "");
    let back = place.deploy(2, "");
    let branch = place.branch();
    let keeper = Keeper::new(&branch, &plan, Some(&ours));
    assert_eq!(keeper.descent(&ours), Descent::Keeps);
    assert_eq!(keeper.descent(&beside), Descent::Keeps);
    assert_eq!(keeper.descent(&hotfix), Descent::Overtakes);
    assert_eq!(keeper.descent(&back), Descent::TakesBack);
    assert_eq!(keeper.descent(&plan.base), Descent::Elsewhere);
    assert_eq!(keeper.descent("main"), Descent::Elsewhere);
    assert_eq!(keeper.tip().unwrap(), (back, Descent::TakesBack));
}

#[test]
fn a_run_that_tried_again_rolled_back_what_somebody_else_had_deployed() {
    let mut place = Place::broken();
    // It was agreed to and never landed.
    let branch = place.branch();
    let (_, agreed) = ship::plan_on_what_is_known(&branch, &request(), clock()).unwrap();
    assert!(ship::deployed_since(&branch, &agreed).unwrap().is_none());
    place.deploy(3, "");
    let told = ship::deployed_since(&place.branch(), &agreed).unwrap();
    assert_eq!(told.unwrap().code, ship::DEPLOYED_MEANWHILE);
    let problem = place.roll_back(&agreed).unwrap_err();
    assert_eq!(problem.code, ship::DEPLOYED_MEANWHILE);
    // Without what was agreed to version 2 would be last good.
    let (plan, _) = place.roll_back(&Agreement::default()).unwrap();
    assert_eq!(plan.services[0].target.as_ref().unwrap().version, "v2");
}

#[test]
fn what_was_agreed_to_is_gone_to_whatever_else_was_committed() {
    let mut place = Place::broken();
    let branch = place.branch();
    let (_, agreed) = ship::plan_on_what_is_known(&branch, &request(), clock()).unwrap();
    place.note();
    let (plan, again) = place.roll_back(&agreed).unwrap();
    assert_eq!(plan.services[0].target.as_ref().unwrap().version, "v1");
    assert_eq!(again, agreed);
    let text = place.infra.read_at("main", OVERLAY).unwrap();
    assert!(text.contains("v1"), "{text}");
}
