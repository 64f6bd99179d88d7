//! What Argo CD is told to leave out of its comparison
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/>).

use super::Difference;
use crate::live::application::ObjectKey;
use crate::live::glob::fits;

/// An entry of an Application's `ignoreDifferences`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgnoredFields {
    /// The group of the kinds, as a glob.
    pub group: String,
    /// The kinds, as a glob.
    pub kind: String,
    /// The namespace; empty is any.
    pub namespace: String,
    /// The name; empty is any.
    pub name: String,
    /// Fields, as JSON pointers.
    pub pointers: Vec<String>,
    /// Fields, as expressions of jq.
    pub expressions: Vec<String>,
    /// Programs whose fields they are.
    pub managers: Vec<String>,
}

/// Whether a field is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ignored {
    No,
    /// By an expression that is not understood here.
    Perhaps,
    Yes,
}

impl IgnoredFields {
    /// Whether a field of an object is left out.
    pub(super) fn covers(&self, key: &ObjectKey, difference: &Difference) -> Ignored {
        let is_or_any = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        let is_about = fits(&self.group, &key.group)
            && fits(&self.kind, &key.kind)
            && is_or_any(&self.namespace, &key.namespace)
            && is_or_any(&self.name, &key.name);
        if !is_about {
            return Ignored::No;
        }
        let is_theirs = |by: &String| self.managers.contains(by);
        if difference.by.as_ref().is_some_and(is_theirs) {
            return Ignored::Yes;
        }
        let place = &difference.place;
        let by_pointer = self.pointers.iter().map(|text| Expression::pointer(text));
        let by_jq = self.expressions.iter().map(|text| Expression::jq(text));
        let all = by_pointer.chain(by_jq).map(|one| one.covers(place));
        all.max().unwrap_or(Ignored::No)
    }
}

/// A part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Named(String),
    /// Every entry of a list.
    Each,
}

/// What names fields: as far as it is understood, a path.
#[derive(Debug, PartialEq, Eq)]
struct Expression {
    parts: Vec<Part>,
    is_whole: bool,
}

impl Expression {
    fn pointer(text: &str) -> Self {
        let parts = text.trim_start_matches('/').split('/');
        let plain = |part: &str| Part::Named(part.replace("~1", "/").replace("~0", "~"));
        Self {
            parts: parts.map(plain).collect(),
            is_whole: true,
        }
    }

    /// Plain paths such as `.spec.containers[].image`; what selects or computes is not understood.
    fn jq(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let Some((part, left)) = next(rest) else {
                return Self {
                    parts,
                    is_whole: false,
                };
            };
            parts.extend(part);
            rest = left;
        }
        Self {
            is_whole: !parts.is_empty(),
            parts,
        }
    }

    fn covers(&self, place: &[String]) -> Ignored {
        let is_it = |(part, is): (&Part, &String)| match part {
            Part::Named(name) => name == is,
            Part::Each => true,
        };
        if place.is_empty() || !self.parts.iter().zip(place).all(is_it) {
            return Ignored::No;
        }
        if !self.is_whole {
            Ignored::Perhaps
        } else if self.parts.len() > place.len() {
            // It is a part of what differs.
            Ignored::No
        } else {
            Ignored::Yes
        }
    }
}

/// The next part of a path of jq, if it is one; a sign in between is none.
fn next(text: &str) -> Option<(Option<Part>, &str)> {
    if let Some(rest) = text.strip_prefix('?') {
        return Some((None, rest));
    }
    if let Some(inside) = text.strip_prefix('[').or_else(|| text.strip_prefix(".[")) {
        if let Some(quoted) = inside.strip_prefix('"') {
            let (name, rest) = quoted.split_once('"')?;
            return Some((Some(Part::Named(name.to_owned())), rest.strip_prefix(']')?));
        }
        let (inside, rest) = inside.split_once(']')?;
        let part = match inside {
            "" => Part::Each,
            number => Part::Named(number.parse::<usize>().ok()?.to_string()),
        };
        return Some((Some(part), rest));
    }
    let rest = text.strip_prefix('.')?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let (name, rest) = quoted.split_once('"')?;
        return Some((Some(Part::Named(name.to_owned())), rest));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    (!name.is_empty()).then(|| (Some(Part::Named(name.to_owned())), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(place: &str) -> Difference {
        Difference {
            place: place.split('/').map(str::to_owned).collect(),
            by: Some("kubectl-scale".into()),
            ..Difference::default()
        }
    }

    fn covers(entry: &IgnoredFields, place: &str) -> Ignored {
        let key = ObjectKey {
            group: "apps".into(),
            kind: "Deployment".into(),
            name: "pay".into(),
            ..ObjectKey::default()
        };
        entry.covers(&key, &difference(place))
    }

    fn entry() -> IgnoredFields {
        IgnoredFields {
            group: "*".into(),
            kind: "*".into(),
            ..IgnoredFields::default()
        }
    }

    #[test]
    fn a_pointer_covers_its_field_and_all_below_in_the_objects_that_it_is_about() {
        let replicas = IgnoredFields {
            pointers: vec!["/spec/replicas".into(), "/metadata/annotations/a~1b".into()],
            ..entry()
        };
        assert_eq!(covers(&replicas, "spec/replicas"), Ignored::Yes);
        assert_eq!(covers(&replicas, "spec/paused"), Ignored::No);
        assert_eq!(covers(&replicas, "spec"), Ignored::No);
        let annotation = difference("metadata/annotations/x");
        let annotation = Difference {
            place: vec!["metadata".into(), "annotations".into(), "a/b".into()],
            ..annotation
        };
        let key = ObjectKey::default();
        assert_eq!(replicas.covers(&key, &annotation), Ignored::Yes);
        let other = IgnoredFields {
            name: "cart".into(),
            ..replicas
        };
        assert_eq!(covers(&other, "spec/replicas"), Ignored::No);
    }

    #[test]
    fn a_plain_path_of_jq_is_understood_and_of_others_it_is_not_claimed() {
        let of = |expression: &str| IgnoredFields {
            expressions: vec![expression.into()],
            ..entry()
        };
        let image = "spec/template/spec/containers/1/image";
        for (expression, wanted) in [
            (".spec.template.spec.containers[].image", Ignored::Yes),
            (".spec.template.spec.containers[1]?.image", Ignored::Yes),
            (".spec.template.spec.containers[0].image", Ignored::No),
            (".spec[\"template\"]", Ignored::Yes),
            (
                ".spec.template.spec.containers[] | select(.name == \"main\").image",
                Ignored::Perhaps,
            ),
            (".spec.volumes[] | select(.name == \"x\")", Ignored::No),
            ("..", Ignored::Perhaps),
        ] {
            assert_eq!(covers(&of(expression), image), wanted, "{expression}");
        }
    }

    #[test]
    fn fields_of_a_program_are_ignored_by_its_name() {
        let theirs = IgnoredFields {
            managers: vec!["kubectl-scale".into()],
            ..entry()
        };
        assert_eq!(covers(&theirs, "spec/replicas"), Ignored::Yes);
    }
}
