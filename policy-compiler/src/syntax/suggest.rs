//! The near name for one that does not exist.

/// Longest text that is compared: nobody misspells more by accident.
const MAX_COMPARED_CHARS: usize = 64;

/// The candidate nearest to `text`, if one is near enough to be a slip.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = text.chars().count();
    if length > MAX_COMPARED_CHARS {
        return None;
    }
    let allowed = (length / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance =
                if candidate.eq_ignore_ascii_case(text) { 0 } else { distance(text, candidate, allowed)? };
            Some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...?`, if there is something near.
pub fn did_you_mean<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(text, candidates).map(|near| format!("did you mean `{near}`?"))
}

/// How many characters must be inserted, removed, replaced or swapped with their neighbour; none if more than `allowed`.
fn distance(left: &str, right: &str, allowed: usize) -> Option<usize> {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().take(MAX_COMPARED_CHARS.saturating_add(1)).collect();
    if left.len().abs_diff(right.len()) > allowed {
        return None;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        for (column, to) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, column).saturating_add(usize::from(from != to));
            let removed = at(&last, column.saturating_add(1)).saturating_add(1);
            let inserted = at(&current, column).saturating_add(1);
            let mut best = replaced.min(removed).min(inserted);
            let previous =
                |list: &[char], index: usize| index.checked_sub(1).and_then(|index| list.get(index)).copied();
            if previous(&left, row) == Some(*to) && previous(&right, column) == Some(*from) {
                let swapped = column.checked_sub(1).map_or(usize::MAX, |column| at(&before_last, column));
                best = best.min(swapped.saturating_add(1));
            }
            current.push(best);
        }
        before_last = core::mem::replace(&mut last, current);
    }
    last.last().copied().filter(|distance| *distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_near_name_is_found_and_a_far_one_is_not() {
        for (text, near) in [
            ("grant", Some("grants")),
            ("garnts", Some("grants")),
            ("GRANTS", Some("grants")),
            ("denyes", Some("denies")),
            ("spiffe", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, ["grants", "denies"]), near, "{text}");
        }
    }
}
