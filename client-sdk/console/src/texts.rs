//! The message catalogue: every text of the console in German and English, side by side.
//!
//! Plain words: short sentences, no word of law where a word of every day will do; names of law (Lotse, Fallkonferenz)
//! stay German in both. A text that is missing in a language does not compile.

mod conference;
mod consent;
mod dpo;
mod failure;
mod forms;
mod lotse;
mod operator;
mod shell;
mod words;

pub(crate) use conference::ConferenceTexts;
pub(crate) use consent::ConsentTexts;
pub(crate) use dpo::DpoTexts;
pub(crate) use failure::FailureTexts;
pub(crate) use forms::FormTexts;
pub(crate) use lotse::LotseTexts;
pub(crate) use operator::OperatorTexts;
pub(crate) use shell::ShellTexts;
pub(crate) use words::WordTexts;

/// All texts of one language.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) shell: ShellTexts,
    pub(crate) failure: FailureTexts,
    pub(crate) forms: FormTexts,
    pub(crate) words: WordTexts,
    pub(crate) dpo: DpoTexts,
    pub(crate) operator: OperatorTexts,
    pub(crate) lotse: LotseTexts,
    pub(crate) consent: ConsentTexts,
    pub(crate) conference: ConferenceTexts,
}

/// German.
pub(crate) static DE: Texts = Texts {
    shell: shell::DE,
    failure: failure::DE,
    forms: forms::DE,
    words: words::DE,
    dpo: dpo::DE,
    operator: operator::DE,
    lotse: lotse::DE,
    consent: consent::DE,
    conference: conference::DE,
};

/// English.
pub(crate) static EN: Texts = Texts {
    shell: shell::EN,
    failure: failure::EN,
    forms: forms::EN,
    words: words::EN,
    dpo: dpo::EN,
    operator: operator::EN,
    lotse: lotse::EN,
    consent: consent::EN,
    conference: conference::EN,
};

/// Defines one part of the catalogue: a text in German, then in English.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $german:literal, $english:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name { $(pub(crate) $key: &'static str,)* }

        pub(super) const DE: $name = $name { $($key: $german,)* };
        pub(super) const EN: $name = $name { $($key: $english,)* };

        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str, &str)] =
            &[$((stringify!($key), $german, $english),)*];
    };
}
pub(crate) use texts;

/// A text with its gaps `{}` filled in order. What stands as `{one|many}` goes by the number in the gap before it:
/// "{} {Eintrag|Einträge}" becomes "1 Eintrag" and "2 Einträge".
pub(crate) fn filled(text: &str, values: &[&str]) -> String {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    let (mut values, mut number) = (values.iter(), "");
    for part in parts {
        let (gap, rest) = part.split_once('}').unwrap_or((part, ""));
        match gap.split_once('|') {
            Some((one, many)) => filled.push_str(if number == "1" { one } else { many }),
            None => {
                number = values.next().copied().unwrap_or_default();
                filled.push_str(number);
            }
        }
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_says_something_in_both_languages_with_the_same_gaps() {
        let parts = [
            shell::ALL,
            failure::ALL,
            forms::ALL,
            words::ALL,
            dpo::ALL,
            operator::ALL,
            lotse::ALL,
            consent::ALL,
            conference::ALL,
        ];
        for (key, german, english) in parts.into_iter().flatten() {
            assert!(!german.trim().is_empty() && !english.trim().is_empty(), "{key}");
            let gaps = |text: &str| text.matches("{}").count();
            assert_eq!(gaps(german), gaps(english), "{key}");
            for text in [german, english] {
                assert!(!text.contains("  ") && !text.contains('<'), "{key}: {text}");
                // Forms of a number follow the gap that holds it.
                let mut is_counted = false;
                for part in text.split('{').skip(1) {
                    let (gap, _) = part.split_once('}').unwrap_or_default();
                    let has_forms = is_counted && gap.matches('|').count() == 1;
                    is_counted |= gap.is_empty();
                    assert!(gap.is_empty() || has_forms, "{key}: {text}");
                }
            }
        }
    }

    #[test]
    fn gaps_are_filled_in_order() {
        assert_eq!(filled("{} von {}", &["1", "2"]), "1 von 2");
        assert_eq!(filled("nichts", &["1"]), "nichts");
        assert_eq!(filled("{}", &[]), "");
        assert_eq!(filled("„{}“", &["{}|{a|b}"]), "„{}|{a|b}“");
    }

    #[test]
    fn one_is_not_many() {
        let text = "{} {Eintrag|Einträge}, {} {wurde|wurden} gelöscht";
        assert_eq!(filled(text, &["1", "0"]), "1 Eintrag, 0 wurden gelöscht");
        assert_eq!(filled(text, &["21", "1"]), "21 Einträge, 1 wurde gelöscht");
    }
}
