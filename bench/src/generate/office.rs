//! Who commits, what, and when: office hours of two years.

use fastrand::Rng;

const AUTHORS: [&str; 12] = [
    "Ann", "Bob", "Chen", "Dana", "Emil", "Farah", "Gita", "Hugo", "Ines", "Jon", "Kim", "Lena",
];
/// 2024-09-30, a Monday, 08:00 UTC.
const START: i64 = 1_727_683_200;
const WEEKS: u64 = 104;
const WORKING_DAY: u64 = 11 * 3600;
const DAY: u64 = 24 * 3600;

/// The time of the first-parent commit at `position` of `length`: working days, all equally busy.
pub(super) fn seconds(position: usize, length: usize) -> i64 {
    let worked = WEEKS * 5 * WORKING_DAY * position as u64 / length as u64;
    let (days, second) = (worked / WORKING_DAY, worked % WORKING_DAY);
    let since_start = (days / 5 * 7 + days % 5) * DAY + second;
    START + since_start.cast_signed()
}

pub(super) fn author(rng: &mut Rng) -> String {
    let name = AUTHORS[rng.usize(0..AUTHORS.len())];
    format!("{name} <{}@acme.io>", name.to_lowercase())
}

/// What a commit on the first-parent line is, if it is no merge.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Deploy,
    Configuration,
    Bot,
    Revert,
    Docs,
}

const KINDS: [(Kind, u32); 5] = [
    (Kind::Deploy, 624),
    (Kind::Configuration, 69),
    (Kind::Bot, 61),
    (Kind::Revert, 14),
    (Kind::Docs, 9),
];

/// A kind, as often as it occurs in practice.
pub(super) fn kind(rng: &mut Rng) -> Kind {
    let mut pick = rng.u32(0..KINDS.iter().map(|(_, weight)| weight).sum());
    for (kind, weight) in KINDS {
        if pick < weight {
            return kind;
        }
        pick -= weight;
    }
    Kind::Deploy
}
