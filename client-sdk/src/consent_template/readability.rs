//! How easily a text reads, in what can be measured: length of sentences and words, LIX, words of offices.
//!
//! LIX is the mean number of words of a sentence plus the share of words with more than six letters, in per
//! cent (C.-H. Björnsson, Läsbarhet, 1968). German has longer words than the language it was made for, so the
//! bound is that of everyday prose. A placeholder counts as one short word. Whether the text is understood,
//! only its readers can say.

use super::{ConsentTemplate, Fault};

/// Most words of one sentence. Source: rules for plain German (DIN 8581-1 asks for 15 on average at most).
pub(super) const SENTENCE_WORDS_MAX: usize = 18;
/// Most words of a sentence on average.
pub(super) const MEAN_WORDS_MAX: usize = 12;
/// Most letters of a word, or of its part between hyphens.
pub(super) const WORD_LETTERS_MAX: usize = 20;
/// Highest LIX of a whole text.
pub(super) const LIX_MAX: usize = 45;
/// A word of more letters than this is long, for LIX.
const SHORT_WORD_LETTERS: usize = 6;

/// Words that only offices use, and what to write.
const OFFICE_WORDS: &[(&str, &str)] = &[
    ("hiermit", "nichts: lassen Sie es weg"),
    ("gemäß", "nach"),
    ("bezüglich", "zu, über"),
    ("hinsichtlich", "zu, über"),
    ("diesbezüglich", "dazu"),
    ("seitens", "von"),
    ("mittels", "mit"),
    ("zwecks", "für, um zu"),
    ("bzw", "oder, und"),
    ("ggf", "vielleicht, wenn nötig"),
    ("usw", "und: nennen Sie alles"),
    ("etc", "und: nennen Sie alles"),
    ("insbesondere", "vor allem, oder nennen Sie alles"),
    ("unbeschadet", "einen eigenen Satz"),
    ("obig", "was gemeint ist"),
    ("vorgenannt", "was gemeint ist"),
    ("widerruflich", "dass man widerrufen kann"),
    ("betroffenenrechte", "Ihre Rechte"),
];

/// Short forms behind which a full stop ends no sentence.
const SHORT_FORMS: &[&str] = &["art", "abs", "nr", "dr", "tel", "str", "z", "b", "d", "h"];

/// One sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) line: usize,
    pub(super) words: Vec<String>,
}

pub(super) fn faults(template: &ConsentTemplate) -> Vec<Fault> {
    let mut faults = Vec::new();
    let sentences = sentences(template);
    for sentence in &sentences {
        let count = sentence.words.len();
        if count > SENTENCE_WORDS_MAX {
            let begin = sentence.words.iter().take(4).cloned().collect::<Vec<_>>().join(" ");
            let text = format!(
                "ein Satz von {count} Wörtern („{begin} …“): höchstens {SENTENCE_WORDS_MAX}, machen Sie zwei daraus"
            );
            faults.push(Fault::new(sentence.line, text));
        }
        for word in &sentence.words {
            faults.extend(word_fault(word).map(|text| Fault::new(sentence.line, text)));
        }
    }
    let words: Vec<&String> = sentences.iter().flat_map(|sentence| &sentence.words).collect();
    let long = words.iter().filter(|word| letters(word) > SHORT_WORD_LETTERS).count();
    let (words, sentences) = (words.len(), sentences.len().max(1));
    let lix = (words * 100 / sentences + long * 10_000 / words.max(1)).div_ceil(100);
    if words > sentences * MEAN_WORDS_MAX {
        let mean = words.div_ceil(sentences);
        let text = format!(
            "{mean} Wörter je Satz im Mittel: höchstens {MEAN_WORDS_MAX}, schreiben Sie kürzere Sätze"
        );
        faults.push(Fault::new(1, text));
    }
    if lix > LIX_MAX {
        let text = format!(
            "Lesbarkeitsindex LIX {lix}: höchstens {LIX_MAX}, schreiben Sie kürzere Sätze und Wörter"
        );
        faults.push(Fault::new(1, text));
    }
    faults
}

fn word_fault(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    if let Some((office, write)) = OFFICE_WORDS.iter().find(|(office, _)| *office == lower) {
        return Some(format!("„{office}“ ist Amtssprache: schreiben Sie {write}"));
    }
    let longest = word.split('-').map(letters).max().unwrap_or_default();
    (longest > WORD_LETTERS_MAX).then(|| {
        format!(
            "„{word}“ hat {longest} Buchstaben: trennen Sie es mit Bindestrich oder erklären Sie es"
        )
    })
}

fn letters(word: &str) -> usize {
    word.chars().filter(|c| c.is_alphabetic()).count()
}

/// The sentences under all headings. A list item, and what stands before a blank line, end one.
pub(super) fn sentences(template: &ConsentTemplate) -> Vec<Sentence> {
    let mut found = Vec::new();
    for section in &template.sections {
        let mut open: Option<Sentence> = None;
        for (number, line) in &section.body {
            let is_item = line.starts_with("- ");
            if line.is_empty() || is_item {
                found.extend(open.take());
            }
            for token in without_placeholders(line).split_whitespace() {
                let word = token.trim_matches(|c: char| !c.is_alphanumeric());
                let sentence =
                    open.get_or_insert_with(|| Sentence { line: *number, words: Vec::new() });
                if word.chars().any(char::is_alphabetic) {
                    sentence.words.push(word.to_owned());
                }
                if ends_sentence(token, word) {
                    found.extend(open.take());
                }
            }
        }
        found.extend(open.take());
    }
    found.retain(|sentence| !sentence.words.is_empty());
    found
}

fn ends_sentence(token: &str, word: &str) -> bool {
    let end = token.trim_end_matches(['"', '“', ')', '»']);
    let is_short_form = SHORT_FORMS.contains(&word.to_lowercase().as_str());
    let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    end.ends_with(['!', '?', ':']) || end.ends_with('.') && !is_short_form && !is_number
}

/// A placeholder as one short word.
fn without_placeholders(line: &str) -> String {
    let mut parts = line.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("Wert");
        text.push_str(part.split_once("}}").map_or("", |(_, rest)| rest));
    }
    text
}
