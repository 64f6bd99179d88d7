//! Globs, as Argo CD matches them.

use globset::GlobBuilder;

/// Whether a name fits a glob: a star stands for anything.
pub fn fits(glob: &str, name: &str) -> bool {
    is_match(glob, name, false)
}

/// Whether a path fits a glob: a star stands for anything within one folder.
pub fn fits_path(glob: &str, path: &str) -> bool {
    is_match(glob, path, true)
}

/// A text as a glob that only it fits.
pub fn literal(text: &str) -> String {
    globset::escape(text)
}

fn is_match(glob: &str, text: &str, literal_separator: bool) -> bool {
    let glob = GlobBuilder::new(glob)
        .literal_separator(literal_separator)
        .build();
    glob.is_ok_and(|glob| glob.compile_matcher().is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_a_path_ends_at_a_folder_and_in_a_name_nowhere() {
        assert!(fits("pay-*", "pay-eu/blue"));
        assert!(fits_path("shared/*-secret.yaml", "shared/db-secret.yaml"));
        assert!(!fits_path("shared/*.yaml", "shared/db/secret.yaml"));
        assert!(!fits("[", "["), "what is no glob fits nothing");
        assert!(fits(&literal("a[b]*"), "a[b]*") && !fits(&literal("a*"), "ab"));
    }
}
