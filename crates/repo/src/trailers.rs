//! `Key: value` lines at the end of a commit message.

/// The trailers of a message, in order: the last paragraph, if every line of it is one.
pub fn trailers(message: &str) -> Vec<(String, String)> {
    let message = message.trim_end();
    let Some((_, last)) = message.rsplit_once("\n\n") else {
        return Vec::new();
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for line in last.lines() {
        if line.starts_with([' ', '\t']) {
            match found.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                None => return Vec::new(),
            }
            continue;
        }
        match line.split_once(':') {
            Some((key, value)) if is_key(key) => {
                found.push((key.to_owned(), value.trim().to_owned()));
            }
            // As in git, a cherry-pick note may stand among them.
            _ if line.starts_with("(cherry picked from") => {}
            _ => return Vec::new(),
        }
    }
    found
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// A message with trailers after a blank line. Line breaks in values become spaces, so that no
/// value can pretend to be another trailer.
pub fn with_trailers(body: &str, trailers: &[(String, String)]) -> String {
    let mut message = body.trim_end().to_owned();
    message.push_str("\n\n");
    for (key, value) in trailers {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        message.extend([key.as_str(), ": ", &value, "\n"]);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_cannot_smuggle_a_line() {
        let pairs = vec![
            ("Service".into(), "a".into()),
            ("Reason".into(), "x\nUndo-Of: 1".into()),
        ];
        let message = with_trailers("subject\n\nbody: not a trailer\n", &pairs);
        assert_eq!(
            trailers(&message),
            [
                ("Service".to_owned(), "a".to_owned()),
                ("Reason".to_owned(), "x Undo-Of: 1".to_owned())
            ]
        );
    }

    #[test]
    fn a_subject_alone_or_prose_has_no_trailers() {
        assert!(trailers("deploy: a").is_empty());
        assert!(trailers("a\n\nprose here\nService: x").is_empty());
        assert_eq!(trailers("a\n\nService: x\n  y\r\n").len(), 1);
    }
}
