//! The commands of a shell script, as far as it matters whether one of them fails the script.
//!
//! This is no shell: what it does not understand it calls conditional, and the answer to that is to put the command
//! on a line of its own.

/// What stands between two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// A line's end, `;`, or an end of the script.
    End,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|`.
    Pipe,
    /// `&`.
    Background,
}

/// A simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its words, without quotes, and without what only prefixes it: assignments, `sudo`, `exec`.
    pub(crate) words: Vec<String>,
    /// The line of the script, from zero.
    pub(crate) line: usize,
    /// It may not run, or its failure is the answer to a question: in a branch, loop, function, subshell or condition,
    /// or behind `!`.
    pub(crate) conditional: bool,
    /// It runs in a shell of its own: an `exit` there ends no more than that.
    pub(crate) subshell: bool,
    /// It stands in a function: a `return` there ends no more than that.
    pub(crate) function: bool,
    /// What is before it.
    pub(crate) before: Between,
    /// What is after it.
    pub(crate) after: Between,
}

impl Command {
    /// The name of the program, without its folder.
    pub(crate) fn program(&self) -> &str {
        let first = self.words.first().map_or("", String::as_str);
        first.rsplit('/').next().unwrap_or(first)
    }

    /// Whether it is this program with these words one after the other somewhere behind it.
    pub(crate) fn is(&self, program: &str, words: &[&str]) -> bool {
        self.program() == program
            && self
                .words
                .windows(words.len())
                .skip(1)
                .any(|some| some == words)
    }
}

/// What begins a command and is none itself.
const PREFIXES: [&str; 7] = ["sudo", "exec", "command", "time", "nice", "env", "nohup"];

/// The commands of a script.
pub(crate) fn commands(script: &str) -> Vec<Command> {
    let mut reader = Reader {
        chars: script.chars().collect(),
        at: 0,
        line: 0,
        words: Vec::new(),
        word: None,
        begun: 0,
        before: Between::End,
        depth: 0,
        functions: Vec::new(),
        defining: false,
        brackets: 0,
        asking: false,
        heredocs: Vec::new(),
        found: Vec::new(),
    };
    reader.run();
    reader.found
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    words: Vec<String>,
    word: Option<String>,
    /// The line of the first word.
    begun: usize,
    before: Between,
    /// Blocks that are open.
    depth: usize,
    /// Those of them that are functions.
    functions: Vec<usize>,
    /// A function's name was said: the next block is its body.
    defining: bool,
    /// Subshells that are open.
    brackets: usize,
    /// Between `if` and `then`, `while` and `do`.
    asking: bool,
    /// Words that end the documents that begin on the next line.
    heredocs: Vec<String>,
    found: Vec<Command>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn push(&mut self, char: char) {
        self.word_begins().push(char);
    }

    fn word_begins(&mut self) -> &mut String {
        if self.word.is_none() && self.words.is_empty() {
            self.begun = self.line;
        }
        self.word.get_or_insert_default()
    }

    fn run(&mut self) {
        while let Some(char) = self.peek(0) {
            self.at += 1;
            match char {
                '\\' => self.escaped(),
                '\'' => self.single(),
                '"' => self.double(),
                '$' if self.peek(0) == Some('(') => self.substitution(),
                '#' if self.word.is_none() => {
                    while self.peek(0).is_some_and(|next| next != '\n') {
                        self.at += 1;
                    }
                }
                ' ' | '\t' | '\r' => self.word_ends(),
                '\n' => {
                    self.ends(Between::End);
                    self.line += 1;
                    self.skip_heredocs();
                }
                ';' => self.ends(Between::End),
                '<' if self.peek(0) == Some('<') && self.peek(1) != Some('<') => self.heredoc(),
                '<' | '>' => {
                    self.push(char);
                    // `2>&1` is one word.
                    if self.peek(0) == Some('&') {
                        self.at += 1;
                        self.push('&');
                    }
                }
                '&' => match self.peek(0) {
                    Some('&') => self.twice(Between::And),
                    Some('>') => self.push('&'),
                    _ => self.ends(Between::Background),
                },
                '|' => match self.peek(0) {
                    Some('|') => self.twice(Between::Or),
                    Some('&') => self.twice(Between::Pipe),
                    _ => self.ends(Between::Pipe),
                },
                '(' => {
                    self.ends(Between::End);
                    self.defining = self.peek(0) == Some(')');
                    self.brackets += 1;
                }
                ')' => {
                    self.ends(Between::End);
                    self.brackets = self.brackets.saturating_sub(1);
                }
                other => self.push(other),
            }
        }
        self.ends(Between::End);
    }

    fn twice(&mut self, between: Between) {
        self.at += 1;
        self.ends(between);
    }

    fn escaped(&mut self) {
        match self.peek(0) {
            Some('\n') => {
                self.at += 1;
                self.line += 1;
            }
            Some(next) => {
                self.at += 1;
                self.push(next);
            }
            None => {}
        }
    }

    fn single(&mut self) {
        self.word_begins();
        while let Some(next) = self.peek(0) {
            self.at += 1;
            match next {
                '\'' => return,
                '\n' => self.line += 1,
                _ => {}
            }
            self.push(next);
        }
    }

    fn double(&mut self) {
        self.word_begins();
        while let Some(next) = self.peek(0) {
            self.at += 1;
            match next {
                '"' => return,
                '\\' => self.escaped(),
                '$' if self.peek(0) == Some('(') => self.substitution(),
                _ => {
                    self.line += usize::from(next == '\n');
                    self.push(next);
                }
            }
        }
    }

    /// `$( … )` is a part of a word, whatever is in it.
    fn substitution(&mut self) {
        self.push('$');
        let mut depth = 0_usize;
        let mut quote = None;
        while let Some(next) = self.peek(0) {
            self.at += 1;
            self.line += usize::from(next == '\n');
            self.push(next);
            match (quote, next) {
                (None, '(') => depth += 1,
                (None, ')') => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                (None, '\'' | '"') => quote = Some(next),
                (Some(open), _) if open == next => quote = None,
                _ => {}
            }
        }
    }

    /// Notes the word that ends the document, and leaves the redirection out.
    fn heredoc(&mut self) {
        self.at += 1;
        self.word_ends();
        while matches!(self.peek(0), Some('-' | ' ')) {
            self.at += 1;
        }
        let mut end = String::new();
        while let Some(next) = self.peek(0) {
            match next {
                '\'' | '"' | '\\' => {}
                next if next.is_whitespace() || ";|&()<>".contains(next) => break,
                next => end.push(next),
            }
            self.at += 1;
        }
        self.heredocs.push(end);
    }

    fn skip_heredocs(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            while self.at < self.chars.len() {
                let line: String = self.chars[self.at..]
                    .iter()
                    .take_while(|next| **next != '\n')
                    .collect();
                self.at += line.chars().count() + 1;
                self.line += 1;
                if line.trim_start_matches('\t') == end {
                    break;
                }
            }
        }
    }

    fn word_ends(&mut self) {
        if let Some(word) = self.word.take() {
            self.words.push(word);
        }
    }

    /// A command ends, and what its first words say about blocks is taken in.
    fn ends(&mut self, after: Between) {
        self.word_ends();
        let mut words = std::mem::take(&mut self.words).into_iter().peekable();
        let before = std::mem::replace(&mut self.before, after);
        if words.peek().is_none() {
            // An empty line changes nothing: `a ||` goes on behind it.
            if after == Between::End && before != Between::End {
                self.before = before;
            }
            return;
        }
        let mut negated = false;
        let mut header = false;
        while let Some(word) = words.peek() {
            match word.as_str() {
                "if" | "while" | "until" => {
                    self.depth += 1;
                    self.asking = true;
                }
                "elif" => self.asking = true,
                "then" | "do" | "else" => self.asking = false,
                "for" | "case" | "select" => {
                    self.depth += 1;
                    header = true;
                }
                "function" => {
                    header = true;
                    self.defining = true;
                }
                "{" => self.block(),
                "}" | "fi" | "done" | "esac" => {
                    self.depth = self.depth.saturating_sub(1);
                    self.functions.retain(|depth| *depth <= self.depth);
                }
                "!" => negated = true,
                word if PREFIXES.contains(&word) || is_assignment(word) => {}
                _ => break,
            }
            words.next();
        }
        let words: Vec<String> = words.collect();
        if header && self.defining && words.last().is_some_and(|word| word == "{") {
            // `function name {`
            self.block();
        }
        if words.is_empty() || header {
            return;
        }
        self.found.push(Command {
            words,
            line: self.begun,
            conditional: negated || self.asking || self.depth > 0 || self.brackets > 0,
            subshell: self.brackets > 0,
            function: !self.functions.is_empty(),
            before,
            after,
        });
    }

    /// A `{`.
    fn block(&mut self) {
        self.depth += 1;
        if std::mem::take(&mut self.defining) {
            self.functions.push(self.depth);
        }
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(script: &str) -> Vec<String> {
        commands(script)
            .iter()
            .map(|command| {
                let mark = if command.conditional { "?" } else { "" };
                format!("{}{mark} {}", command.line, command.words.join(" "))
            })
            .collect()
    }

    #[test]
    fn commands_are_told_apart() {
        assert_eq!(
            seen("a b; c # d\n'e f' \"g;h\" \\\n  i 2>&1 &> x\nX=1 sudo /usr/bin/j"),
            ["0 a b", "0 c", "1 e f g;h i 2>&1 &> x", "3 /usr/bin/j"]
        );
    }

    #[test]
    fn what_may_not_run_is_conditional() {
        assert_eq!(
            seen(
                "if a; then\n  b\nelse\n  c\nfi\nd\nf() {\n  e\n}\n( g )\n! h\ncase x in\n  y) i ;;\nesac\nfor j in k; do l; done\nm"
            ),
            [
                "0? a", "1? b", "3? c", "5 d", "6 f", "7? e", "9? g", "10? h", "12? y", "12? i",
                "14? l", "15 m"
            ]
        );
    }

    #[test]
    fn what_ends_only_a_part_of_the_script_is_known() {
        let of = |script: &str| -> Vec<(String, bool, bool)> {
            commands(script)
                .into_iter()
                .map(|one| (one.words.join(" "), one.subshell, one.function))
                .collect()
        };
        let text = |text: &str, subshell, function| (text.to_owned(), subshell, function);
        assert_eq!(
            of("( a )\nf() {\n  if b; then c; fi\n}\nfunction g {\n  d\n}\n{ e; }\nh"),
            [
                text("a", true, false),
                text("f", false, false),
                text("b", false, true),
                text("c", false, true),
                text("d", false, true),
                text("e", false, false),
                text("h", false, false),
            ]
        );
        assert_eq!(seen("function f {\n  a\n}\nb"), ["1? a", "3 b"]);
    }

    #[test]
    fn what_is_between_commands_is_kept() {
        let of = |script| -> Vec<Between> {
            commands(script)
                .iter()
                .map(|command| command.after)
                .collect()
        };
        assert_eq!(
            of("a || b && c | d & e"),
            [
                Between::Or,
                Between::And,
                Between::Pipe,
                Between::Background,
                Between::End
            ]
        );
        assert_eq!(commands("a ||\n  b")[1].before, Between::Or);
    }

    #[test]
    fn a_document_in_the_script_is_no_command() {
        assert_eq!(
            seen("cat <<'EOF' > x\nripcord hotfix gate\nEOF\nb"),
            ["0 cat > x", "3 b"]
        );
    }

    #[test]
    fn a_script_that_ends_anywhere_ends() {
        for script in ["'", "\"$(", "a \\", "cat <<", "if", "$(a", "<<<", ")"] {
            let _ = commands(script);
        }
    }
}
