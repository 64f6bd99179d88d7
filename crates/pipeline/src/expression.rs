//! The expressions of a workflow, `${{ … }}`: where they are, and what they read.
//!
//! What they mean: <https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions>.

/// An expression within a text.
pub(crate) struct Expression<'t> {
    /// The line of the text that it begins on, from zero.
    pub(crate) line: usize,
    /// What is between the braces.
    pub(crate) body: &'t str,
}

/// The expressions of a text.
pub(crate) fn expressions(text: &str) -> Vec<Expression<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("${{").map(|at| from + at) {
        let start = open + 3;
        let mut quoted = false;
        let mut end = text.len();
        for (at, byte) in text.bytes().enumerate().skip(start) {
            match byte {
                b'\'' => quoted = !quoted,
                b'}' if !quoted && text[at..].starts_with("}}") => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        found.push(Expression {
            line: text[..open].matches('\n').count(),
            body: &text[start..end],
        });
        from = end;
    }
    found
}

/// What an expression reads: paths such as `github.event.client_payload.tag`, in lower case since names are not
/// case-sensitive, `*` for an index that is computed. Functions are in it by their names.
pub(crate) fn paths(body: &str) -> Vec<String> {
    let chars: Vec<char> = body.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let char = chars[at];
        if char == '\'' {
            at = quoted(&chars, at).1;
        } else if char.is_ascii_alphabetic() || char == '_' {
            let (path, next) = path(&chars, at);
            found.push(path);
            at = next;
        } else if char.is_ascii_digit() {
            // A number such as 0xff is no name.
            while chars.get(at).is_some_and(char::is_ascii_alphanumeric) {
                at += 1;
            }
        } else {
            at += 1;
        }
    }
    found
}

fn path(chars: &[char], start: usize) -> (String, usize) {
    let mut path = String::new();
    let mut at = start;
    loop {
        match chars.get(at) {
            Some(char) if char.is_ascii_alphanumeric() || "_-*".contains(*char) => {
                path.push(char.to_ascii_lowercase());
                at += 1;
            }
            Some(_) => {
                let mut next = at;
                while chars.get(next).is_some_and(|char| char.is_whitespace()) {
                    next += 1;
                }
                match chars.get(next) {
                    Some('.') => {
                        path.push('.');
                        at = next + 1;
                        while chars.get(at).is_some_and(|char| char.is_whitespace()) {
                            at += 1;
                        }
                    }
                    Some('[') => {
                        let (name, behind) = index(chars, next);
                        path.push('.');
                        path.push_str(&name);
                        at = behind;
                    }
                    _ => return (path, at),
                }
            }
            None => return (path, at),
        }
    }
}

/// What is between brackets, and where they end. What is computed there is read by the caller once more.
fn index(chars: &[char], open: usize) -> (String, usize) {
    let mut at = open + 1;
    while chars.get(at).is_some_and(|char| char.is_whitespace()) {
        at += 1;
    }
    if chars.get(at) == Some(&'\'') {
        let (name, mut behind) = quoted(chars, at);
        while chars.get(behind).is_some_and(|char| char.is_whitespace()) {
            behind += 1;
        }
        if chars.get(behind) == Some(&']') {
            return (name.to_lowercase(), behind + 1);
        }
    }
    let mut depth = 0_usize;
    let mut at = open;
    while let Some(char) = chars.get(at) {
        at += 1;
        match char {
            '[' => depth += 1,
            ']' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    ("*".to_owned(), at)
}

fn quoted(chars: &[char], open: usize) -> (String, usize) {
    let mut text = String::new();
    let mut at = open + 1;
    while let Some(char) = chars.get(at) {
        at += 1;
        if *char == '\'' {
            if chars.get(at) == Some(&'\'') {
                at += 1;
            } else {
                break;
            }
        }
        text.push(*char);
    }
    (text, at)
}

/// Whether somebody outside the repository's review decides what is there: the event's payload, inputs, and names of
/// branches, which may hold nearly anything. Numbers and hashes that a forge makes are harmless.
pub(crate) fn from_outside(path: &str) -> bool {
    let payload = path.starts_with("github.event.client_payload")
        || path.starts_with("github.event.inputs")
        || path == "inputs"
        || path.starts_with("inputs.");
    let harmless = path
        .rsplit('.')
        .next()
        .is_some_and(|last| ["sha", "number", "id", "before", "after"].contains(&last));
    payload
        || matches!(
            path,
            "github"
                | "github.*"
                | "github.event"
                | "github.head_ref"
                | "github.ref_name"
                | "github.ref"
        )
        || (path.starts_with("github.event.") && !harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_however_they_are_written() {
        let of = |body| paths(body).join(" ");
        assert_eq!(
            of("github.event.client_payload.tag"),
            "github.event.client_payload.tag"
        );
        assert_eq!(
            of("GitHub['event'].Client_Payload . tag"),
            "github.event.client_payload.tag"
        );
        assert_eq!(of("format('{0} inputs.x', inputs.y)"), "format inputs.y");
        assert_eq!(of("github.event[env.A]['b'] || 0x1f"), "github.event.*.b");
        assert_eq!(of("toJSON(github.event)"), "tojson github.event");
        assert_eq!(of("'it''s ' "), "");
        assert_eq!(of("github.event["), "github.event.*");
    }

    #[test]
    fn an_expression_ends_where_it_ends_and_not_in_a_quote() {
        let all = expressions("a ${{ '}}' }} b\n${{ inputs.x }} ${{ never");
        let bodies: Vec<&str> = all.iter().map(|one| one.body.trim()).collect();
        assert_eq!(bodies, ["'}}'", "inputs.x", "never"]);
        assert_eq!(all[1].line, 1);
    }

    #[test]
    fn what_a_forge_makes_is_not_from_outside_but_a_payload_is() {
        assert!(from_outside("github.event.client_payload.sha"));
        assert!(from_outside("inputs.number"));
        assert!(from_outside("github.event.pull_request.title"));
        assert!(from_outside("github.head_ref"));
        assert!(!from_outside("github.event.pull_request.head.sha"));
        assert!(!from_outside("github.sha"));
        assert!(!from_outside("secrets.token"));
    }
}
