//! Numbers as a person reads them.

/// A count, with commas between the thousands.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A measured number to about three digits: more would be noise.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 99.95 {
        let sign = if value < 0.0 { "−" } else { "" };
        format!("{sign}{}", count(size.round() as u64))
    } else if size >= 9.995 {
        format!("{value:.1}").replace('-', "−")
    } else if size >= 0.000_5 || size == 0.0 {
        let digits = if size >= 0.999_5 { 2 } else { 3 };
        let text = format!("{value:.digits$}").replace('-', "−");
        let is_whole = text.ends_with(".00") || text.ends_with(".000");
        match text.split_once('.') {
            Some((whole, _)) if is_whole => whole.to_owned(),
            _ => text,
        }
    } else {
        // Something, however little, is not nothing.
        format!("{value:.0e}").replace('-', "−")
    }
}

/// A share from 0 to 1 as percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", short(share * 100.0))
}

/// Memory, given in KiB.
pub(crate) fn memory(kib: f64) -> String {
    if kib.abs() < 10_000.0 {
        format!("{} KiB", short(kib))
    } else if kib.abs() < 10_000.0 * 1_024.0 {
        format!("{} MiB", short(kib / 1_024.0))
    } else {
        format!("{} GiB", short(kib / (1_024.0 * 1_024.0)))
    }
}

/// Bits a second.
pub(crate) fn bitrate(bits_per_second: f64) -> String {
    match bits_per_second {
        rate if rate < 1e6 => format!("{} kbit/s", short(rate / 1e3)),
        rate if rate < 1e9 => format!("{} Mbit/s", short(rate / 1e6)),
        rate => format!("{} Gbit/s", short(rate / 1e9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_commas() {
        for (value, text) in [
            (0.0, "0"),
            (0.000_01, "1e−5"),
            (0.123_4, "0.123"),
            (0.999_9, "1"),
            (1.5, "1.50"),
            (4.0, "4"),
            (0.03, "0.030"),
            (1.723, "1.72"),
            (9.999, "10.0"),
            (12.34, "12.3"),
            (99.96, "100"),
            (-4.2, "−4.20"),
            (-1_234_567.0, "−1,234,567"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!((count(999), count(1_000)), ("999".into(), "1,000".into()));
        assert_eq!(count(123_456_789), "123,456,789");
    }

    #[test]
    fn units_grow_with_the_number() {
        assert_eq!(percent(0.000_123), "0.012 %");
        assert_eq!(memory(45.04), "45.0 KiB");
        assert_eq!(memory(153_600.0), "150 MiB");
        assert_eq!(memory(8.0 * 1_024.0 * 1_024.0), "8,192 MiB");
        assert_eq!(bitrate(1.2e6), "1.20 Mbit/s");
    }
}
