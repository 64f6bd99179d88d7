//! Instants as people read them: in the time zone of the team, beside how long ago that is.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::View;

/// A length of time, roughly: to the second below two minutes, to the minute below a day.
pub(crate) fn roughly(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..3600 => format!("{minutes} min"),
        3600..86_400 if minutes % 60 == 0 => format!("{hours} h"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ if hours % 24 == 0 => format!("{days} d"),
        _ => format!("{days} d {} h", hours % 24),
    }
}

impl View<'_> {
    /// The time of day; with the day where it is another one.
    pub(crate) fn clock(&self, at: Timestamp) -> Markup {
        let there = at.to_zoned(self.zone.clone());
        let today = self.now.to_zoned(self.zone.clone()).date() == there.date();
        let form = if today {
            "%H:%M:%S"
        } else {
            "%Y-%m-%d %H:%M:%S"
        };
        html! { time datetime=(at) title=(self.full(at)) { (there.strftime(form).to_string()) } }
    }

    /// How long ago it was. The script keeps it true.
    pub(crate) fn ago(&self, at: Timestamp) -> Markup {
        let seconds = self.now.duration_since(at).as_secs();
        let words = if seconds < 0 {
            format!("in {}", roughly(-seconds))
        } else {
            format!("{} ago", roughly(seconds))
        };
        html! { time datetime=(at) title=(self.full(at)) data-ago { (words) } }
    }

    /// How long it is until then, or how long it is over. The script keeps it true.
    pub(crate) fn due(&self, at: Timestamp) -> Markup {
        let left = at.duration_since(self.now).as_secs();
        let words = if left < 0 {
            format!("overdue for {}", roughly(-left))
        } else {
            format!("due in {}", roughly(left))
        };
        html! { time datetime=(at) title=(self.full(at)) data-due { (words) } }
    }

    fn full(&self, at: Timestamp) -> String {
        let there = at.to_zoned(self.zone.clone());
        let here = there.strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        let utc = at.strftime("%H:%M:%S UTC").to_string();
        if there.offset().is_zero() {
            here
        } else {
            format!("{here}, {utc}")
        }
    }

    /// The time zone, as people call it now.
    pub(crate) fn zone_name(&self) -> String {
        let here = self.now.to_zoned(self.zone.clone());
        here.strftime("%Z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_as_exact_as_it_matters() {
        let cases = [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (5400, "1 h 30 min"),
            (86_400, "1 d"),
            (100_000, "1 d 3 h"),
        ];
        for (seconds, words) in cases {
            assert_eq!(roughly(seconds), words);
        }
    }
}
