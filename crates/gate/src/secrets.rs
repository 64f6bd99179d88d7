//! What is secret in the environment of a gate, and does not belong into a log or a record.

/// Letters of a secret that are the least: shorter ones would black out every text.
const LEAST: usize = 8;
const MASK: &str = "***";

/// Values of variables whose names say that they are secret, line by line, and passwords in addresses. Longer ones
/// first: one may be a part of another.
pub(crate) fn secrets(variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (name, value) in variables {
        if is_secret(&name) {
            // A key has many lines, and output is looked at line by line.
            let lines = value.lines().map(str::trim);
            all.extend(lines.map(str::to_owned));
        }
        all.extend(passwords(&value).map(|at| value[at].to_owned()));
    }
    all.retain(|one| one.len() >= LEAST);
    all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    all.dedup();
    all
}

/// Whether a name says that its value is secret.
fn is_secret(name: &str) -> bool {
    const WITHIN: [&str; 8] = [
        "TOKEN",
        "SECRET",
        "PASS",
        "CREDENTIAL",
        "_KEY",
        "APIKEY",
        "ACCESSKEY",
        "PRIVATEKEY",
    ];
    // Parts of longer words that mean something else: PATH, AUTHOR.
    const WORDS: [&str; 3] = ["PAT", "PWD", "DSN"];
    let name = name.to_ascii_uppercase();
    if ["PWD", "OLDPWD"].contains(&name.as_str()) {
        return false;
    }
    WITHIN.iter().any(|word| name.contains(word))
        || name.split('_').any(|word| {
            WORDS.contains(&word)
                || (word.starts_with("AUTH") && !["AUTHOR", "AUTHORS"].contains(&word))
        })
}

/// Where passwords of addresses are in a text: in `scheme://user:password@host`.
fn passwords(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    text.match_indices("://").filter_map(|(at, mark)| {
        let begin = at + mark.len();
        let ends = |c: char| c.is_whitespace() || "/?#\"'<>`".contains(c);
        let end = text[begin..].find(ends).map_or(text.len(), |to| begin + to);
        // A password may have an `@` itself: the last one counts.
        let to = begin + text[begin..end].rfind('@')?;
        let from = begin + text[begin..to].find(':')? + 1;
        (from < to).then_some(from..to)
    })
}

/// A text without secrets.
pub(crate) fn masked(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), MASK);
        }
    }
    let found: Vec<_> = passwords(&text).collect();
    for at in found.into_iter().rev() {
        text.replace_range(at, MASK);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(variables: &[(&str, &str)]) -> Vec<String> {
        let owned = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        secrets(owned)
    }

    #[test]
    fn what_a_variable_calls_secret_is_not_shown_and_short_words_are_no_secret() {
        let known = known(&[
            ("DEPLOY_TOKEN", "abcdefgh123"),
            ("MY_KEY", "x"),
            ("PATH", "/usr/bin/abc"),
        ]);
        assert_eq!(known, ["abcdefgh123"]);
        assert_eq!(
            masked("push abcdefgh123 x /usr/bin/abc", &known),
            "push *** x /usr/bin/abc"
        );
    }

    #[test]
    fn each_line_of_a_key_is_secret_and_a_longer_secret_goes_first() {
        let known = known(&[
            ("SHORT_TOKEN", "abcdefgh"),
            ("LONG_TOKEN", "abcdefgh-and-more"),
            (
                "DEPLOY_KEY",
                "-----BEGIN KEY-----\nMIIEvQIBADAN\r\nkqhkiG9w0BAQ\nx\n",
            ),
        ]);
        for (line, shown) in [
            ("MIIEvQIBADAN", "***"),
            ("+ key=kqhkiG9w0BAQ", "+ key=***"),
            ("abcdefgh-and-more abcdefgh", "*** ***"),
            ("x", "x"),
        ] {
            assert_eq!(masked(line, &known), shown);
        }
    }

    #[test]
    fn names_that_say_secret_in_other_words_are_known() {
        for name in [
            "PGPASS",
            "DB_PWD",
            "BASIC_AUTH",
            "NPM_CONFIG__AUTHTOKEN",
            "GITHUB_PAT",
            "APIKEY",
            "SENTRY_DSN",
            "passphrase",
        ] {
            assert_eq!(known(&[(name, "abcdefgh")]), ["abcdefgh"], "{name}");
        }
        for name in [
            "PATH",
            "PWD",
            "OLDPWD",
            "GIT_AUTHOR_NAME",
            "PATTERN",
            "HOME",
        ] {
            assert!(known(&[(name, "abcdefgh")]).is_empty(), "{name}");
        }
    }

    #[test]
    fn the_password_of_an_address_is_not_shown() {
        let known = known(&[("DATABASE_URL", "postgres://shop:correct-horse@db:5432/shop")]);
        assert_eq!(known, ["correct-horse"]);
        assert_eq!(masked("login with correct-horse", &known), "login with ***");
        for (line, shown) in [
            (
                "see https://ci:x@h/p and http://a:b@c",
                "see https://ci:***@h/p and http://a:***@c",
            ),
            ("https://u:p@ss@host/x", "https://u:***@host/x"),
            ("https://host:8080/a@b", "https://host:8080/a@b"),
            ("git@host:repo ://", "git@host:repo ://"),
            ("ü://ä:ö@ü", "ü://ä:***@ü"),
        ] {
            assert_eq!(masked(line, &[]), shown);
        }
    }
}
