//! Days, times and lists, as officials write them in each language.

use jiff::Zoned;
use jiff::civil::Weekday;

use super::facts::Item;
use crate::booking::{Kind, Language};
use crate::text;

/// Most days of a series that a letter lists. Higher: a weekly one fills the letter; the calendar has all.
const MAX_DAYS: usize = 12;

/// Most characters of what somebody else has written. Titles and names have fewer.
const MAX_CHARS: usize = 500;

/// The zone of a country that has one, by the name people know.
const VIETNAM: [&str; 2] = ["Asia/Ho_Chi_Minh", "Asia/Saigon"];

/// A text as one line: what ends lines, turns the direction of writing or cannot be seen becomes a space.
pub(crate) fn one_line(text: &str) -> String {
    text::one_line(text, MAX_CHARS)
}

/// What is done.
pub(crate) const fn kind(language: Language, kind: Kind) -> &'static str {
    match (language, kind) {
        (Language::Vi, Kind::Meeting) => "họp",
        (Language::Vi, Kind::Briefing) => "giao ban",
        (Language::Vi, Kind::Training) => "tập huấn",
        (Language::En, Kind::Meeting) => "meeting",
        (Language::En, Kind::Briefing) => "briefing",
        (Language::En, Kind::Training) => "training",
    }
}

/// On which day.
pub(crate) fn day(language: Language, at: &Zoned) -> String {
    match language {
        Language::Vi => format!(
            "{}, ngày {}",
            weekday(at.weekday()),
            at.strftime("%d/%m/%Y")
        ),
        Language::En => at.strftime("%A, %-d %B %Y").to_string(),
    }
}

const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "thứ Hai",
        Weekday::Tuesday => "thứ Ba",
        Weekday::Wednesday => "thứ Tư",
        Weekday::Thursday => "thứ Năm",
        Weekday::Friday => "thứ Sáu",
        Weekday::Saturday => "thứ Bảy",
        Weekday::Sunday => "Chủ nhật",
    }
}

/// At what time.
pub(crate) fn time(language: Language, at: &Zoned) -> String {
    let written = match language {
        Language::Vi => "%H giờ %M",
        Language::En => "%H:%M",
    };
    at.strftime(written).to_string()
}

/// By whose clocks.
pub(crate) fn zone(language: Language, at: &Zoned) -> String {
    let minutes = at.offset().seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let utc = match rest {
        0 => format!("UTC{sign}{hours}"),
        _ => format!("UTC{sign}{hours}:{rest:02}"),
    };
    let is_vietnam = at
        .time_zone()
        .iana_name()
        .is_some_and(|name| VIETNAM.contains(&name));
    match language {
        Language::Vi if is_vietnam => format!("giờ Việt Nam, {utc}"),
        Language::En if is_vietnam => format!("Vietnam time, {utc}"),
        _ => utc,
    }
}

/// How long.
pub(crate) fn duration(language: Language, minutes: u32) -> String {
    let (hours, rest) = (minutes / 60, minutes % 60);
    let (hour, minute) = match language {
        Language::Vi => ("giờ", "phút"),
        Language::En => (
            if hours == 1 { "hour" } else { "hours" },
            if rest == 1 { "minute" } else { "minutes" },
        ),
    };
    match (hours, rest) {
        (0, _) => format!("{rest} {minute}"),
        (_, 0) => format!("{hours} {hour}"),
        _ => format!("{hours} {hour} {rest} {minute}"),
    }
}

/// On which days, one in a line.
pub(crate) fn days(language: Language, days: &[Zoned]) -> String {
    let one = |at: &Zoned| format!("- {}, {}", day(language, at), time(language, at));
    let mut lines: Vec<_> = days.iter().take(MAX_DAYS).map(one).collect();
    let more = more_days(language, days.len().saturating_sub(MAX_DAYS));
    if !more.is_empty() {
        lines.push(format!("- {more}"));
    }
    lines.join("\n")
}

/// On how many days more; nothing for none.
pub(crate) fn more_days(language: Language, days: usize) -> String {
    match (days, language) {
        (0, _) => String::new(),
        (_, Language::Vi) => format!("và {days} buổi nữa"),
        (1, Language::En) => "and on 1 more day".to_owned(),
        (_, Language::En) => format!("and on {days} more days"),
    }
}

/// What is spoken of, one in a line.
pub(crate) fn agenda(language: Language, items: &[Item]) -> String {
    let one = |(item, number): (&Item, u32)| {
        let took = duration(language, item.minutes);
        let title = one_line(&item.title);
        let speaker = item.speaker.as_deref().map(one_line).unwrap_or_default();
        if speaker.is_empty() {
            format!("{number}. {title} ({took})")
        } else {
            format!("{number}. {title} – {speaker} ({took})")
        }
    };
    let lines: Vec<_> = items.iter().zip(1..).map(one).collect();
    lines.join("\n")
}
