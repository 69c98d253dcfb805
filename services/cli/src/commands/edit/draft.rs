//! What stands in the editor: comments for its user, then the document.

const INTRODUCTION: &str = "\
# Lines that begin with '#' at the top are ignored, an empty file changes nothing. If what is saved is refused,
# the file is opened again with the reasons.
";

/// A document that is being worked on.
pub(super) struct Draft {
    /// As it was saved, or as it is there.
    pub(super) body: String,
    /// Why it was refused.
    pub(super) complaints: Vec<String>,
}

impl Draft {
    pub(super) fn new(document: &str) -> Self {
        Self {
            body: document.to_owned(),
            complaints: Vec::new(),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        for line in &self.complaints {
            text.push_str("# ");
            text.push_str(&line.replace(|c: char| c.is_control(), " "));
            text.push('\n');
        }
        text + &self.body
    }

    /// The document in the lines where it stands below so many complaints.
    pub(super) fn below(&self, complaints: usize) -> String {
        let lines = INTRODUCTION.lines().count() + complaints;
        "\n".repeat(lines) + &self.body
    }
}

/// The text without the comments above it.
pub(super) fn body(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.skip_while(|line| line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_found_again_below_its_comments() {
        let mut draft = Draft::new("spec:\n  # mine\n  a: 1\n");
        assert_eq!(body(&draft.text()), draft.body);
        draft.complaints = vec!["f.yaml:5:3: spec.a: is\nwrong".to_owned()];
        assert_eq!(body(&draft.text()), draft.body);
        let line = |text: &str| text.lines().position(|line| line == "  a: 1");
        assert_eq!(line(&draft.text()), line(&draft.below(1)));
    }
}
