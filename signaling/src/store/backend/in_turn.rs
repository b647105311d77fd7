//! The numbers of many values, left out.
//!
//! SQLite keeps `$1`, `$2`, … as names in one list, and both it and the driver look a name up from the
//! beginning of that list: a statement of 4,500 values costs ten million comparisons, which is more than
//! everything else about it. Values that have no names come in turn.

/// With fewer values the names cost nothing, and the text stays one that is known when the program is built.
const FEW: usize = 32;

/// `… ($1, $2), ($3, $4)` → `… (?, ?), (?, ?)`, if it has so many values and each stands where it would
/// without its number.
pub(super) fn in_turn(text: &str, values: usize) -> Option<String> {
    if values < FEW || text.contains('?') {
        return None;
    }
    let mut parts = text.split('$');
    let mut without = String::with_capacity(text.len());
    without += parts.next()?;
    let mut count = 0_usize;
    for part in parts {
        let end = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        count += 1;
        if number.parse() != Ok(count) {
            return None;
        }
        without.push('?');
        without += rest;
    }
    (count == values).then_some(without)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(numbers: impl Iterator<Item = usize>) -> String {
        let list: Vec<_> = numbers.map(|number| format!("${number}")).collect();
        format!("SELECT 1 WHERE 1 IN ({})", list.join(", "))
    }

    #[test]
    fn many_values_that_come_in_turn_need_no_numbers() {
        let without = in_turn(&list(1..=40), 40).unwrap();
        assert_eq!(without.matches('?').count(), 40);
        assert!(
            !without.contains('$') && without.ends_with("?, ?)"),
            "{without}"
        );
    }

    #[test]
    fn values_that_are_few_or_used_twice_or_in_another_order_keep_them() {
        for (numbers, values) in [
            (list(1..=5), 5),
            (list((1..=40).rev()), 40),
            (list((1..=40).chain([3])), 40),
            (list(1..=39), 40),
            (list(1..=40) + " AND '$' = '?'", 40),
            (list(1..=40) + " AND '$' <> ''", 40),
        ] {
            assert_eq!(in_turn(&numbers, values), None, "{numbers}");
        }
    }
}
