//! Path templates of the configuration: `apps/{service}/{environment}.yaml`.

/// A parsed template. `{service}` and `{environment}` match within one path segment, `*` any run
/// inside a segment, `**` any number of whole segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    segments: Vec<Vec<Piece>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Service,
    Environment,
    Any,
    /// Whole segments; only ever alone in its segment.
    Deep,
}

/// What a template says about one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The text that stood at `{service}`.
    pub service: Option<String>,
    /// The text that stood at `{environment}`.
    pub environment: Option<String>,
}

/// What a template says about the paths below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Below {
    /// It matches none of them.
    Nothing,
    /// Those that it matches are this service's.
    Service(String),
    /// It may match, and name any service or none.
    Anything,
}

impl PathTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let clean = text.trim_matches('/');
        if clean.is_empty() {
            return Err("is empty".into());
        }
        let segments = clean.split('/').map(pieces).collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Matches a whole path; a template without `**` at its end also covers everything below it.
    pub fn matches(&self, path: &str) -> Option<Captured> {
        let segments: Vec<&str> = path.split('/').collect();
        let mut captured = Captured::default();
        segments_match(&self.segments, &segments, &mut captured).then_some(captured)
    }

    /// What it says about paths below a folder.
    pub fn below(&self, folder: &str) -> Below {
        let segments: Vec<&str> = folder.split('/').collect();
        segments_below(&self.segments, &segments, &mut Captured::default())
    }
}

fn segments_below(template: &[Vec<Piece>], folder: &[&str], captured: &mut Captured) -> Below {
    let (Some((first, rest)), Some((head, tail))) = (template.split_first(), folder.split_first())
    else {
        return match captured.service.take() {
            Some(service) => Below::Service(service),
            None => Below::Anything,
        };
    };
    let is_deep = matches!(first.as_slice(), [Piece::Deep]);
    let open = first
        .iter()
        .filter(|piece| !matches!(piece, Piece::Literal(_)));
    // More than one way to match: which one it is, the rest of the path decides.
    if is_deep || open.count() > 1 {
        return Below::Anything;
    }
    if pieces_match(first, head, captured) {
        segments_below(rest, tail, captured)
    } else {
        Below::Nothing
    }
}

fn pieces(segment: &str) -> Result<Vec<Piece>, String> {
    if segment == "**" {
        return Ok(vec![Piece::Deep]);
    }
    let mut pieces = Vec::new();
    let mut rest = segment;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("{service}") {
            pieces.push(Piece::Service);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{environment}") {
            pieces.push(Piece::Environment);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('*') {
            pieces.push(Piece::Any);
            rest = after;
        } else if rest.starts_with('{') {
            let name = rest.split('}').next().unwrap_or(rest);
            return Err(format!(
                "has `{name}}}`; only {{service}} and {{environment}} are known"
            ));
        } else {
            let end = rest.find(['{', '*']).unwrap_or(rest.len());
            pieces.push(Piece::Literal(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    if pieces.is_empty() {
        Err("has an empty segment".into())
    } else {
        Ok(pieces)
    }
}

fn segments_match(template: &[Vec<Piece>], path: &[&str], captured: &mut Captured) -> bool {
    let Some((first, rest)) = template.split_first() else {
        // What a folder template names includes everything in the folder.
        return true;
    };
    if matches!(first.as_slice(), [Piece::Deep]) {
        return (0..=path.len()).any(|skip| {
            let mut attempt = captured.clone();
            let fits = segments_match(rest, &path[skip..], &mut attempt);
            if fits {
                *captured = attempt;
            }
            fits
        });
    }
    let Some((head, tail)) = path.split_first() else {
        return false;
    };
    let mut attempt = captured.clone();
    if pieces_match(first, head, &mut attempt) && segments_match(rest, tail, &mut attempt) {
        *captured = attempt;
        return true;
    }
    false
}

fn pieces_match(pieces: &[Piece], text: &str, captured: &mut Captured) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return text.is_empty();
    };
    if let Piece::Literal(literal) = first {
        return text
            .strip_prefix(literal.as_str())
            .is_some_and(|after| pieces_match(rest, after, captured));
    }
    let shortest = usize::from(!matches!(first, Piece::Any));
    // Longest first: `{service}-{environment}` splits `a-b-prod` at the last dash.
    let ends: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    ends.into_iter()
        .rev()
        .filter(|end| *end >= shortest)
        .any(|end| {
            let mut attempt = captured.clone();
            let value = &text[..end];
            let slot = match first {
                Piece::Service => Some(&mut attempt.service),
                Piece::Environment => Some(&mut attempt.environment),
                _ => None,
            };
            if let Some(slot) = slot {
                if slot.as_deref().is_some_and(|known| known != value) {
                    return false;
                }
                *slot = Some(value.to_owned());
            }
            let fits = pieces_match(rest, &text[end..], &mut attempt);
            if fits {
                *captured = attempt;
            }
            fits
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(template: &str, path: &str) -> Option<Names> {
        PathTemplate::parse(template)
            .unwrap()
            .matches(path)
            .map(|c| (c.service, c.environment))
    }

    type Names = (Option<String>, Option<String>);

    fn both(service: &str, environment: &str) -> Names {
        (Some(service.into()), Some(environment.into()))
    }

    #[test]
    fn templates_capture_what_they_name() {
        assert_eq!(
            captured("apps/{service}/{environment}.yaml", "apps/cart/prod.yaml"),
            Some(both("cart", "prod"))
        );
        assert_eq!(
            captured(
                "{environment}/**/{service}/values.yaml",
                "prod/team/a/cart/values.yaml"
            ),
            Some(both("cart", "prod"))
        );
        assert_eq!(
            captured("apps/{service}-{environment}.yaml", "apps/a-b-prod.yaml"),
            Some(both("a-b", "prod"))
        );
        assert_eq!(
            captured("apps/{service}/{environment}.yaml", "apps/cart/prod.json"),
            None
        );
    }

    #[test]
    fn a_folder_template_covers_the_files_below_it() {
        assert_eq!(
            captured(
                "services/{service}/overlays/{environment}",
                "services/a/overlays/prod/kustomization.yaml"
            ),
            Some(both("a", "prod"))
        );
    }

    #[test]
    fn the_same_name_twice_must_be_the_same() {
        assert_eq!(
            captured("{service}/{service}.yaml", "a/a.yaml"),
            Some((Some("a".into()), None))
        );
        assert_eq!(captured("{service}/{service}.yaml", "a/b.yaml"), None);
    }

    #[test]
    fn an_unknown_placeholder_is_named() {
        assert!(
            PathTemplate::parse("apps/{svc}")
                .unwrap_err()
                .contains("{svc}")
        );
    }
}
