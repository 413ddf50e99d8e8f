//! "Did you mean": the known word nearest to a mistyped one; never a far-fetched one.

/// The candidate that a mistyped `word` most likely stands for.
///
/// A candidate counts when it is the same but for letter case or separators, or when at most a third of the letters
/// differ (Damerau-Levenshtein: a swap of neighbours is one step). Of equally near ones the first in order is taken.
#[must_use]
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    let limit = match word.chars().count() {
        0 | 1 => 0,
        length => (length.max(3) / 3).min(4),
    };
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .filter_map(|candidate| {
            let other = fold(candidate);
            if other == folded {
                return Some((0, candidate));
            }
            // the length alone rules most out, without the quadratic work
            let apart = other.chars().count().abs_diff(folded.chars().count());
            if apart > limit {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&folded, &other);
            (distance <= limit).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let known = ["permission", "params", "public", "scope", "others"];
        for (word, meant) in [
            ("permision", Some("permission")),
            ("Permission", Some("permission")),
            ("socpe", Some("scope")),
            ("param", Some("params")),
            ("pubilc", Some("public")),
            ("host", None),
            ("x", None),
        ] {
            assert_eq!(suggest(word, known), meant, "{word}");
        }
        assert_eq!(suggest("request_id", ["request-id"]), Some("request-id"));
    }
}
