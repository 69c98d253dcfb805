//! The characters of a filter, and how far they are read.

pub(super) struct Scanner {
    characters: Vec<char>,
    at: usize,
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self {
            characters: text.chars().collect(),
            at: 0,
        }
    }

    /// The place of the next character.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is in quotes, if a quote is next.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, String> {
        let Some(quote @ ('"' | '\'')) = self.peek() else {
            return Ok(None);
        };
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(next) = self.peek() {
            self.at += 1;
            match next {
                end if end == quote => return Ok(Some(text)),
                '\\' => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                other => text.push(other),
            }
        }
        Err(at_character(start, "the quote is never closed"))
    }

    /// The longest part of such characters; may be empty.
    pub(super) fn run(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let text: String = rest.iter().copied().take_while(|c| is_part(*c)).collect();
        self.at += text.chars().count();
        text
    }

    /// A keyword, if it is next and a word of its own.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let length = word.chars().count();
        let starts = rest.iter().copied().take(length).eq(word.chars());
        let ends = rest
            .get(length)
            .is_none_or(|next| next.is_whitespace() || *next == '(');
        if starts && ends {
            self.at += length;
        }
        starts && ends
    }

    pub(super) fn take_unequal(&mut self) -> bool {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let is_next = rest.starts_with(&['!', '=']);
        if is_next {
            self.at += 2;
        }
        is_next
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.at += 1;
        }
        is_next
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    pub(super) fn error(&self, text: &str) -> String {
        at_character(self.at, text)
    }
}

pub(super) fn at_character(at: usize, text: &str) -> String {
    format!("at character {}: {text}", at + 1)
}
