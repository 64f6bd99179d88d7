//! The services and what each runs at a moment of the history.

use fastrand::Rng;

use super::stream::Mark;

const FIRST: [&str; 20] = [
    "billing",
    "cart",
    "catalog",
    "checkout",
    "coupon",
    "customer",
    "delivery",
    "fraud",
    "identity",
    "inventory",
    "invoice",
    "ledger",
    "loyalty",
    "notice",
    "order",
    "partner",
    "price",
    "search",
    "shipping",
    "stock",
];
const SECOND: [&str; 15] = [
    "api", "bridge", "cache", "core", "events", "export", "gateway", "index", "jobs", "mailer",
    "proxy", "reports", "sync", "view", "worker",
];

/// The planted services. Their names sort first, in the middle and last among all services,
/// because a scan of a tree stops at the entry that it looks for.
pub(super) const ROOT: &str = "accounts-service";
pub(super) const MID: &str = "identity-zone-service";
pub(super) const NEAR: &str = "wallet-service";

/// What one service runs.
pub(super) struct Service {
    pub(super) name: String,
    /// Version and replicas in each environment.
    pub(super) overlays: Vec<(Version, u32)>,
    pub(super) setting: u32,
    /// Its last production deploy: the commit, its subject's version, and what it replaced.
    pub(super) last: Option<(Mark, Version, Version)>,
    /// Whether that was a deploy of this service alone, which every contender can find.
    pub(super) plain: bool,
}

/// An image tag: seven digits of a commit id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(u32);

impl Version {
    /// Starts with a letter, so that no YAML reader takes it for a number.
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self(rng.u32(0xa00_0000..=0xfff_ffff))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:07x}", self.0)
    }
}

/// All services, planted ones last. Names are unique.
pub(super) fn services(count: usize, environments: usize, rng: &mut Rng) -> Vec<Service> {
    let planted = [ROOT, MID, NEAR];
    let pairs = FIRST.len() * SECOND.len();
    let ordinary = (0..count - planted.len()).map(|number| {
        // A stride that is prime to the number of pairs visits each pair once a round.
        let pair = number * 7 % pairs;
        let (first, second) = (FIRST[pair % FIRST.len()], SECOND[pair / FIRST.len()]);
        match number / pairs {
            0 => format!("{first}-{second}-service"),
            round => format!("{first}-{second}-{round}-service"),
        }
    });
    let names = ordinary
        .chain(planted.map(str::to_owned))
        .collect::<Vec<_>>();
    let service = |name| Service {
        name,
        overlays: (0..environments).map(|_| (Version::new(rng), 3)).collect(),
        setting: 0,
        last: None,
        plain: false,
    };
    names.into_iter().map(service).collect()
}
