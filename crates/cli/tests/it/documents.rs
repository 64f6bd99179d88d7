//! What the documents tell people to type.

use std::path::{Path, PathBuf};

use crate::stage::{Stage, assert_says};

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut waiting = vec![root.join("docs")];
    let mut found = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Every command in a block of code or in backticks; a sentence that happens to begin a line
/// with the name is none.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            let typed = line.strip_prefix("$ ").unwrap_or(line);
            found.extend(typed.starts_with("ripcord ").then(|| typed.to_owned()));
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            found.extend(
                quoted
                    .filter(|words| words.starts_with("ripcord "))
                    .map(str::to_owned),
            );
        }
    }
    found
}

/// The words of a command as a shell would split them; placeholders become something that fits.
fn words(command: &str) -> Vec<String> {
    let command = command
        .replace(['[', ']', '…'], "")
        .replace("SERVICE,SERVICE", "a,b");
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words.remove(0);
    words
}

#[test]
fn a_sentence_that_begins_with_the_name_is_no_command() {
    let text = "If it was\nripcord (its trailer says so), run `ripcord status`:\n\n```\n$ ripcord undo\n```\n";
    assert_eq!(commands(text), ["ripcord status", "ripcord undo"]);
}

#[test]
fn every_command_in_the_documents_is_one_that_ripcord_knows() {
    let stage = Stage::payments();
    let mut count = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for command in commands(&text) {
            // `--help` is answered only when every flag before it is known.
            let mut args = words(&command);
            args.push("--help".into());
            let output = stage.ripcord().run(&args).unwrap();
            assert_eq!(
                output.code,
                0,
                "`{command}` in {}: {output:?}",
                document.display()
            );
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} commands were found");
}

#[test]
fn the_run_that_the_readme_shows_is_what_the_demo_does() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let mut blocks = readme.split("```");
    let run = blocks
        .find(|block| block.contains("was not observed"))
        .unwrap();
    let command = run
        .lines()
        .find_map(|line| line.strip_prefix("$ ripcord "))
        .unwrap();
    let stage = Stage::empty();
    let demo = stage.ripcord().run(["demo"]).unwrap().assert_code(0);
    // The words of the recorded run, without what differs each time.
    assert_says(&demo, &["rollback payments-service production"]);
    assert!(
        command.starts_with("rollback payments-service production"),
        "{command}"
    );
    for line in run.lines().skip(1) {
        let steady: Vec<&str> = line
            .split_whitespace()
            .filter(|word| word.len() > 3 && word.chars().all(|c| c.is_ascii_lowercase()))
            .collect();
        assert_says(&demo, &steady);
    }
}
