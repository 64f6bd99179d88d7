//! Which entries of a timeline are shown.

use ripcord_domain::incident::event::Fact;

/// A kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Alerts.
    Alerts,
    /// Deploys, what canaries measured, drift, hotfixes.
    Changes,
    /// Ways back.
    Recoveries,
    /// What people said.
    People,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Alerts, Self::Changes, Self::Recoveries, Self::People];

    /// The word in an address and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Changes => "changes",
            Self::Recoveries => "recoveries",
            Self::People => "people",
        }
    }

    fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Alert(_) => Some(Self::Alerts),
            Fact::Deploy(_) | Fact::Analysis(_) | Fact::Drift(_) | Fact::Hotfix(_) => {
                Some(Self::Changes)
            }
            Fact::Recovery(_) => Some(Self::Recoveries),
            Fact::Opened { .. }
            | Fact::Named { .. }
            | Fact::Note { .. }
            | Fact::Decision { .. }
            | Fact::Charged { .. }
            | Fact::Corrected { .. }
            | Fact::Closed { .. }
            | Fact::Reopened { .. }
            | Fact::Reviewed { .. } => Some(Self::People),
            Fact::Reminded { .. } | Fact::Other { .. } => None,
        }
    }
}

/// Which entries are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these; none: every kind.
    pub kind: Option<Kind>,
    /// What repeats itself and reminders, too.
    pub noise: bool,
    /// However many there are.
    pub all: bool,
}

impl Filter {
    /// Understands the parts of an address. A word that is none of the kinds shows all of them.
    pub fn new(kind: Option<&str>, noise: bool, all: bool) -> Self {
        let named = |word: &str| Kind::ALL.into_iter().find(|kind| kind.word() == word);
        Self {
            kind: kind.and_then(named),
            noise,
            all,
        }
    }

    pub(crate) fn shows(self, fact: Option<&Fact>, is_noise: bool) -> bool {
        let fits = self
            .kind
            .is_none_or(|kind| fact.and_then(Kind::of) == Some(kind));
        fits && (self.noise || !is_noise)
    }

    /// The address of the same page with this filter.
    pub(crate) fn query(self) -> String {
        let kind = self.kind.map(|kind| format!("show={}", kind.word()));
        let noise = self.noise.then(|| "noise=1".to_owned());
        let all = self.all.then(|| "all=1".to_owned());
        let parts: Vec<String> = kind.into_iter().chain(noise).chain(all).collect();
        format!("?{}", parts.join("&"))
    }
}
