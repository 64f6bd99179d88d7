//! What a recovery may depend on, and the points of it that are measured.

use std::time::Duration;

/// One point of the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) scene: &'static str,
    pub(crate) service: &'static str,
    /// What the name of its Application ends with, behind the name of the scene.
    pub(crate) application: &'static str,
    /// Argo CD has nothing left to do with the deploy, as when somebody is called; else a second sync of its
    /// own may be under way.
    pub(crate) rests: bool,
    /// The bad version was promoted fully; for a Rollout.
    pub(crate) promoted: bool,
    pub(crate) replicas: usize,
    pub(crate) push: Push,
    /// How much longer rendering takes than kustomize does by itself.
    pub(crate) rendering: Duration,
}

/// What a push takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    Seconds(u64),
    /// Git does not answer at all.
    Away,
}

impl Point {
    pub(crate) const USUAL: Self = Self {
        scene: "auto-heal",
        service: "payments-service",
        application: "",
        rests: true,
        promoted: false,
        replicas: 4,
        push: Push::Seconds(0),
        rendering: Duration::ZERO,
    };

    pub(crate) fn name(self) -> String {
        let push = match self.push {
            Push::Seconds(seconds) => format!("push {seconds} s"),
            Push::Away => "Git away".to_owned(),
        };
        let promoted = if self.promoted { " promoted" } else { "" };
        let at_once = if self.rests { "" } else { " at once" };
        format!(
            "{}{promoted}{at_once}, {} replicas, {push}, rendering {} s",
            self.scene,
            self.replicas,
            self.rendering.as_secs()
        )
    }

    /// The same without self-heal.
    pub(crate) fn without_heal(self) -> Self {
        Self {
            scene: "auto",
            application: "",
            ..self
        }
    }

    pub(crate) fn is_rollout(self) -> bool {
        self.scene == "canary"
    }

    /// A version whose pods crash; where it is promoted, one that starts well. Another for each number.
    pub(crate) fn bad_version(self, number: usize) -> String {
        let ending = if self.promoted { "" } else { "-crash" };
        format!("v{}{ending}", 15 + number)
    }

    /// How long the pushes and the renderings of a recovery may be waited for: Argo CD renders once to
    /// compare and once to sync.
    pub(crate) fn delays(self) -> Duration {
        let push = match self.push {
            Push::Seconds(seconds) => Duration::from_secs(seconds),
            Push::Away => Duration::ZERO,
        };
        push + 2 * self.rendering
    }
}

/// Every point: from the usual one into each direction.
pub(crate) fn sweep() -> Vec<Point> {
    let usual = Point::USUAL;
    let at_once = Point {
        rests: false,
        ..usual
    };
    let mut points = vec![usual, at_once];
    for push in [Push::Seconds(2), Push::Seconds(10), Push::Away] {
        points.push(Point { push, ..usual });
    }
    for seconds in [10, 30] {
        points.push(Point {
            rendering: Duration::from_secs(seconds),
            ..usual
        });
    }
    for replicas in [1, 40] {
        points.push(Point { replicas, ..usual });
    }
    points.push(Point {
        scene: "auto",
        ..usual
    });
    points.push(Point {
        scene: "applicationset-git",
        application: "-payments-service",
        ..usual
    });
    for promoted in [false, true] {
        points.push(Point {
            scene: "canary",
            service: "checkout",
            promoted,
            ..usual
        });
    }
    points
}
