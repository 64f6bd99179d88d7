//! The axis of time: from instants to places, long empty stretches cut out, ticks at round times.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::activity::Activity;

/// How wide a cut is.
const CUT: f64 = 84.0;
/// Cuts at the most.
const CUTS: usize = 3;
/// The least distance of two labels of ticks.
const LABELS_APART: f64 = 74.0;
/// Steps between ticks, in seconds.
const STEPS: [i64; 19] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800,
    2_592_000, 31_536_000,
];

/// A tick of the axis.
pub(super) struct Tick {
    pub(super) x: f64,
    pub(super) label: Option<String>,
    pub(super) day: Option<String>,
}

/// A stretch without events.
pub(super) struct Cut {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) length: SignedDuration,
}

/// A stretch of time that is drawn to scale, or cut out.
struct Stretch {
    begin: i64,
    end: i64,
    from: f64,
    to: f64,
    is_cut: bool,
}

/// Where an instant stands.
pub(super) struct Scale {
    stretches: Vec<Stretch>,
    pub(super) ticks: Vec<Tick>,
    pub(super) cuts: Vec<Cut>,
}

impl Scale {
    /// The scale that shows all activities between `left` and `right`.
    pub(super) fn of(activities: &[Activity], left: f64, right: f64) -> Self {
        let mut instants: Vec<i64> = activities
            .iter()
            .flat_map(|one| [one.from.as_millisecond(), one.to.as_millisecond()])
            .collect();
        instants.sort_unstable();
        instants.dedup();
        let mut scale = Self {
            stretches: stretches(&instants, left + 8.0, right),
            ticks: Vec::new(),
            cuts: Vec::new(),
        };
        scale.cuts = scale
            .stretches
            .iter()
            .filter(|stretch| stretch.is_cut)
            .map(|stretch| Cut {
                from: stretch.from,
                to: stretch.to,
                length: SignedDuration::from_millis(stretch.end - stretch.begin),
            })
            .collect();
        scale.ticks = ticks(&scale.stretches);
        scale
    }

    /// The place of an instant.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let at = at.as_millisecond();
        let within = self.stretches.iter().find(|stretch| at <= stretch.end);
        let Some(stretch) = within.or(self.stretches.last()) else {
            return 0.0;
        };
        let length = stretch.end - stretch.begin;
        if length == 0 {
            return stretch.from;
        }
        let share = ((at - stretch.begin) as f64 / length as f64).clamp(0.0, 1.0);
        stretch.from + share * (stretch.to - stretch.from)
    }
}

/// A stretch is cut where it is longer than all the others that are left together: that at least doubles their room.
fn stretches(instants: &[i64], left: f64, right: f64) -> Vec<Stretch> {
    let gaps: Vec<(i64, i64)> = instants.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let mut is_cut = vec![false; gaps.len()];
    for _ in 0..CUTS {
        let open = gaps.iter().zip(&is_cut).filter(|(_, cut)| !**cut);
        let total: i64 = open.map(|((begin, end), _)| end - begin).sum();
        let longest = (0..gaps.len())
            .filter(|index| !is_cut[*index])
            .max_by_key(|index| gaps[*index].1 - gaps[*index].0);
        let Some(longest) = longest else { break };
        let length = gaps[longest].1 - gaps[longest].0;
        let rest = total - length;
        if rest == 0 || length / 2 <= rest {
            break;
        }
        is_cut[longest] = true;
    }
    let cuts = is_cut.iter().filter(|cut| **cut).count();
    let drawn: i64 = gaps
        .iter()
        .zip(&is_cut)
        .filter(|(_, cut)| !**cut)
        .map(|((begin, end), _)| end - begin)
        .sum();
    // Room behind the last instant, so that its label is not pressed to the edge.
    let room = right - left - 60.0 - CUT * cuts as f64;
    let mut found: Vec<Stretch> = Vec::new();
    let mut x = left;
    if let [only] = instants {
        return vec![Stretch {
            begin: *only,
            end: *only,
            from: left + 40.0,
            to: left + 40.0,
            is_cut: false,
        }];
    }
    for ((begin, end), is_cut) in gaps.into_iter().zip(is_cut) {
        let wide = if is_cut {
            CUT
        } else {
            room * (end - begin) as f64 / drawn.max(1) as f64
        };
        match found.last_mut() {
            Some(last) if !is_cut && !last.is_cut => {
                last.end = end;
                last.to = x + wide;
            }
            _ => found.push(Stretch {
                begin,
                end,
                from: x,
                to: x + wide,
                is_cut,
            }),
        }
        x += wide;
    }
    found
}

fn ticks(stretches: &[Stretch]) -> Vec<Tick> {
    let drawn = || stretches.iter().filter(|stretch| !stretch.is_cut);
    let total: i64 = drawn().map(|stretch| stretch.end - stretch.begin).sum();
    let wide: f64 = drawn().map(|stretch| stretch.to - stretch.from).sum();
    // So many ticks that their labels would just stand beside each other.
    let fitting = (wide / LABELS_APART).max(1.0);
    let needed = total as f64 / 1000.0 / fitting;
    let step = STEPS
        .into_iter()
        .find(|step| *step as f64 >= needed)
        .unwrap_or(31_536_000)
        * 1000;
    let (mut found, mut last_label, mut last_day) = (Vec::new(), f64::MIN, None);
    for stretch in stretches {
        let first = stretch.begin.div_euclid(step) + 1;
        let round = (first..).map(|count| count * step);
        let times: Vec<i64> = if stretch.is_cut {
            vec![stretch.end]
        } else {
            let within = round.take_while(|at| *at <= stretch.end);
            [stretch.begin].into_iter().chain(within).collect()
        };
        for at in times {
            let Ok(time) = Timestamp::from_millisecond(at) else {
                continue;
            };
            let share = (at - stretch.begin) as f64 / (stretch.end - stretch.begin).max(1) as f64;
            let x = stretch.from + share * (stretch.to - stretch.from);
            // A tick too near to the last one would be read as belonging to it.
            if x - last_label < LABELS_APART {
                continue;
            }
            last_label = x;
            let zoned = time.to_zoned(TimeZone::UTC);
            let exact = step < 60_000 || at % 60_000 != 0;
            let day = zoned.date();
            let is_new = last_day != Some(day);
            last_day = Some(day);
            found.push(Tick {
                x,
                label: Some(
                    zoned
                        .strftime(if exact { "%H:%M:%S" } else { "%H:%M" })
                        .to_string(),
                ),
                day: is_new.then(|| zoned.strftime("%Y-%m-%d").to_string()),
            });
        }
    }
    found
}
