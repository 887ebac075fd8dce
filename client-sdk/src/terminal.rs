//! Text of others on a terminal: what a message says must neither command the terminal nor forge what this program
//! says.
//!
//! The one place that knows which characters do: control characters (also carriage returns, which let a terminal
//! write over a line), separators of lines and paragraphs, and the controls of writing direction, which show a text in
//! another order than it has. Source: Unicode Standard Annex 9; UTS 39.

/// Whether a character acts on a terminal instead of being shown. Line breaks (`\n`) and tabs are not among them.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || is_line_separator(character)
        || is_direction(character)
}

/// Separators of lines and paragraphs beside the line break.
fn is_line_separator(character: char) -> bool {
    matches!(character, '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Controls of the direction of writing.
fn is_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// A text of several lines: whatever ends a line becomes a line break, so that nothing hides behind it; other
/// unprintable characters become the replacement character.
#[must_use]
pub fn terminal_text(text: &str) -> String {
    let shown = |character| match character {
        separator if is_line_separator(separator) => '\n',
        other => printable(other),
    };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

/// A text for one line: line breaks and tabs become spaces, unprintable characters the replacement character.
#[must_use]
pub fn terminal_line(text: &str) -> String {
    let shown = |character| match character {
        '\n' | '\t' => ' ',
        separator if is_line_separator(separator) => ' ',
        other => printable(other),
    };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

/// The character, or the replacement character for what is unprintable.
#[must_use]
pub fn printable(character: char) -> char {
    if is_unprintable(character) { char::REPLACEMENT_CHARACTER } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_acts_on_a_terminal() {
        let acting = "\u{1b}\u{7}\u{8}\u{7f}\u{9b}\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
            \u{2066}\u{2067}\u{2068}\u{2069}\r\u{b}\u{c}\u{85}\u{2028}\u{2029}";
        for one in acting.chars() {
            assert!(is_unprintable(one), "{one:?}");
            for shown in [terminal_text(&one.to_string()), terminal_line(&one.to_string())] {
                assert!(!shown.chars().any(is_unprintable), "{one:?}");
            }
        }
        for plain in "äßé 🙂 §\u{200d}\u{a0}\t\n".chars() {
            assert!(!is_unprintable(plain), "{plain:?}");
        }
    }

    #[test]
    fn whatever_ends_a_line_ends_one_that_is_seen() {
        assert_eq!(terminal_text("a\r\nb\rc\u{2028}d\u{85}e\tf"), "a\nb\nc\nd\ne\tf");
        assert_eq!(terminal_line("a\r\nb\rc\nd\te\u{1b}"), "a b c d e\u{fffd}");
    }
}
