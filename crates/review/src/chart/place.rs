//! Where bars, instants and their labels stand, so that none is over another.

use crate::activity::Activity;
use crate::escape;

use super::scale::Scale;

/// Rows of a lane at the most; what finds no place is counted.
const ROWS: usize = 8;
/// The longest label, in characters.
const LABEL: usize = 34;
/// How wide a sign is at the most, on average.
const SIGN: f64 = 6.9;
const GAP: f64 = 8.0;

/// An activity with its place.
pub(super) struct Placed<'a> {
    pub(super) activity: &'a Activity,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) label: String,
    pub(super) label_x: f64,
    /// The label stands before the bar and ends at `label_x`.
    pub(super) label_before: bool,
}

/// What stands beside each other.
pub(super) type Row<'a> = Vec<Placed<'a>>;

/// The rows of a lane, and how many activities found no place.
pub(super) fn rows<'a>(
    activities: impl Iterator<Item = &'a Activity>,
    scale: &Scale,
    left: f64,
    right: f64,
) -> (Vec<Row<'a>>, usize) {
    let mut rows: Vec<(Row<'a>, Vec<(f64, f64)>)> = Vec::new();
    let mut left_out = 0;
    for activity in activities {
        let (placed, box_of) = place(activity, scale, left, right);
        let free = |taken: &[(f64, f64)]| {
            taken
                .iter()
                .all(|(from, to)| box_of.1 + GAP <= *from || *to + GAP <= box_of.0)
        };
        match rows.iter().position(|(_, taken)| free(taken)) {
            Some(fitting) => {
                rows[fitting].0.push(placed);
                rows[fitting].1.push(box_of);
            }
            None if rows.len() < ROWS => rows.push((vec![placed], vec![box_of])),
            None => left_out += 1,
        }
    }
    (rows.into_iter().map(|(row, _)| row).collect(), left_out)
}

/// An activity with what it covers, its label taken in.
fn place<'a>(
    activity: &'a Activity,
    scale: &Scale,
    left: f64,
    right: f64,
) -> (Placed<'a>, (f64, f64)) {
    let from = scale.x(activity.from);
    let is_point = activity.from == activity.to && !activity.open;
    // A bar of a moment is still a bar.
    let to = if is_point {
        from
    } else {
        scale.x(activity.to).max(from + 3.0)
    };
    let half = if is_point { 6.0 } else { 0.0 };
    let dashed = if activity.open { 16.0 } else { 0.0 };
    let mut label = escape::line(&activity.label);
    if label.chars().count() > LABEL {
        label = label.chars().take(LABEL - 1).chain(['…']).collect();
    }
    let wide = label.chars().map(width).sum::<f64>();
    let after = to + half + dashed + 4.0;
    let before = from - half - 4.0;
    let fits_after = after + wide <= right;
    let label_before = !fits_after && before - wide >= left;
    // A bar from edge to edge has its label where there is room, on the row that it has for itself.
    let label_x = match (fits_after, label_before) {
        (true, _) => after,
        (false, true) => before,
        (false, false) => (right - wide).max(left),
    };
    let covers = if label_before {
        (label_x - wide, to + half + dashed)
    } else {
        (
            from.min(label_x) - half,
            (label_x + wide).max(to + half + dashed),
        )
    };
    (
        Placed {
            activity,
            from,
            to,
            label,
            label_x,
            label_before,
        },
        covers,
    )
}

/// Signs of East Asia and pictures are about twice as wide.
fn width(sign: char) -> f64 {
    if u32::from(sign) >= 0x1100 {
        2.0 * SIGN
    } else {
        SIGN
    }
}
