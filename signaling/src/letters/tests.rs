//! What comes of templates, ours and others'.

use proptest::prelude::*;

use super::*;
use crate::booking::Language;

fn invitation(body: &str) -> Template {
    Template {
        subject: "Giấy mời".to_owned(),
        body: format!("{body}\n{{{{ link }}}}"),
    }
}

/// What an invitation with this text is refused for: the line, why, and what is repeated of it.
fn refusal(body: &str) -> (u32, Reason, String) {
    let checked = invitation(body).check(LetterKind::Invitation, Language::Vi);
    let LetterProblem {
        part,
        line,
        reason,
        found,
    } = checked.unwrap_err();
    assert_eq!(part, Part::Body);
    (line, reason, found)
}

fn sample() -> Facts {
    Facts::sample(LetterKind::Invitation, Language::Vi)
}

#[test]
fn every_letter_that_comes_with_the_program_can_be_written_of_the_shortest_and_the_longest() {
    for kind in LetterKind::ALL {
        for language in Language::ALL.iter().copied() {
            let checked = Template::usual(*kind, language).check(*kind, language);
            assert_eq!(checked, Ok(()), "{kind} {language:?}");
        }
    }
}

#[test]
fn an_invitation_reads_as_an_office_would_write_it() {
    let template = Template::usual(LetterKind::Invitation, Language::Vi);
    let written = write(&sample(), &template).unwrap();
    assert_eq!(
        written.subject,
        "Giấy mời giao ban: Giao ban toàn quốc – 08 giờ 00, thứ Hai, ngày 30/11/2026"
    );
    let wanted = "Kính gửi: Phường Ba Đình\r\n\r\n\
        Trân trọng kính mời Phường Ba Đình dự giao ban trực tuyến:\r\n\r\n\
        Giao ban toàn quốc\r\n\r\n\
        Thời gian: 08 giờ 00, thứ Hai, ngày 30/11/2026 (giờ Việt Nam, UTC+7)\r\n\
        Thời lượng dự kiến: 1 giờ 30 phút\r\n\
        Điểm cầu trung tâm: Hội trường Trung ương\r\n\
        Chủ trì: Nguyễn Văn An\r\n\r\n\
        Các buổi tiếp theo:\r\n\
        - thứ Hai, ngày 07/12/2026, 08 giờ 00\r\n\
        - thứ Hai, ngày 14/12/2026, 08 giờ 00\r\n\r\n\
        Chương trình:\r\n\
        1. Khai mạc (10 phút)\r\n\
        2. Báo cáo tình hình tháng – Hà Nội (30 phút)\r\n\r\n";
    assert!(written.text.starts_with(wanted), "{}", written.text);
    assert!(
        written
            .text
            .contains("\r\nhttps://hop.example.vn/m/7KQM-2FJX-9VTP-3HWS\r\n"),
        "{}",
        written.text
    );
    assert!(
        written.text.ends_with(
            "\r\n\r\nĐầu mối liên hệ: Văn phòng – 024 3804 3100 – vanphong@example.vn\
             \r\n\r\nTrân trọng.\r\n"
        ),
        "{}",
        written.text
    );
}

#[test]
fn what_nobody_has_said_leaves_neither_a_heading_nor_a_hole() {
    for language in Language::ALL.iter().copied() {
        for kind in LetterKind::ALL {
            let facts = Facts::shortest(*kind, language);
            let written = write(&facts, &Template::usual(*kind, language)).unwrap();
            assert!(!written.text.contains("\r\n\r\n\r\n"), "{}", written.text);
            for absent in [
                "Điểm cầu trung tâm",
                "Central site",
                "Chủ trì",
                "Chair",
                "Các buổi",
                "dates",
                "Chương trình",
                "Agenda",
                "Đầu mối",
                "Contact",
                "Lý do",
                "Reason",
            ] {
                assert!(!written.text.contains(absent), "{}", written.text);
            }
        }
    }
}

#[test]
fn a_cancellation_says_why_and_has_no_link() {
    for language in Language::ALL.iter().copied() {
        let facts = Facts::sample(LetterKind::Cancellation, language);
        let template = Template::usual(LetterKind::Cancellation, language);
        let written = write(&facts, &template).unwrap();
        assert!(written.text.contains(facts.reason.as_deref().unwrap()));
        assert!(!written.text.contains(&facts.url), "{}", written.text);
    }
}

#[test]
fn english_letters_have_english_days_and_times() {
    let facts = Facts::sample(LetterKind::Change, Language::En);
    let template = Template::usual(LetterKind::Change, Language::En);
    let written = write(&facts, &template).unwrap();
    assert_eq!(
        written.subject,
        "Changed: National briefing, Monday, 30 November 2026, 08:00"
    );
    for said in [
        "Time: Monday, 30 November 2026, 08:00 (Vietnam time, UTC+7)\r\n",
        "Expected duration: 1 hour 30 minutes\r\n",
        "- Monday, 14 December 2026, 08:00\r\n",
    ] {
        assert!(written.text.contains(said), "{said:?}: {}", written.text);
    }
}

#[test]
fn a_long_series_is_counted_and_not_listed() {
    let mut facts = Facts::longest(LetterKind::Invitation, Language::Vi);
    facts.agenda.clear();
    let template = Template::usual(LetterKind::Invitation, Language::Vi);
    let text = write(&facts, &template).unwrap().text;
    assert_eq!(text.matches("\r\n- ").count(), 13, "{text}");
    assert!(text.contains("\r\n- và 488 buổi nữa\r\n"), "{text}");
}

#[test]
fn a_placeholder_that_is_not_known_is_refused_with_its_line() {
    for (body, line, found) in [
        ("Kính gửi: {{ diem_cau }}", 1, "diem_cau"),
        ("Kính gửi\n\n  {{điểm_cầu}}", 3, "điểm_cầu"),
        ("a\n{% if hop %}\nb\n{% endif %}", 2, "hop"),
    ] {
        let wanted = (line, Reason::UnknownPlaceholder, found.to_owned());
        assert_eq!(refusal(body), wanted);
    }
    let (line, reason, _) = refusal("a\n{{ reason }}");
    assert_eq!((line, reason), (2, Reason::PlaceholderOfAnotherKind));
    let wrong = Template {
        subject: "{{ x }}".to_owned(),
        body: "{{ link }}".to_owned(),
    };
    let problem = wrong.check(LetterKind::Invitation, Language::Vi);
    assert_eq!(
        problem.unwrap_err().to_string(),
        "subject, line 1: there is no such placeholder"
    );
}

#[test]
fn nothing_of_the_template_language_but_placeholders_and_conditions_is_taken() {
    for body in [
        "{% for x in title %}{% endfor %}",
        "{% set a = title ~ title %}",
        "{% raw %}{{ x }}{% endraw %}",
        "{% include 'x' %}",
        "{% if title == 'x' %}{% endif %}",
        "{% if not title %}{% endif %}",
        "{%- if title %}{% endif %}",
        "{{ title|upper }}",
        "{{ title * 1000000 }}",
        "{{ title.x }}",
        "{{ 'x' }}",
        "{{ title() }}",
        "{{ }}",
        "{# a #}",
    ] {
        let (line, reason, _) = refusal(&format!("a\nb\n{body}"));
        assert_eq!((line, reason), (3, Reason::NotUnderstood), "{body}");
    }
}

#[test]
fn braces_that_do_not_belong_together_are_refused_at_the_line_where_they_stand() {
    for (body, line, reason) in [
        ("a\n{{ title", 2, Reason::NotClosed),
        ("a\n{{ title\n}}", 2, Reason::NotClosed),
        ("a\n{% if title %}\nb", 2, Reason::Unbalanced),
        ("a\n{% endif %}", 2, Reason::Unbalanced),
        ("a\n{% else %}", 2, Reason::Unbalanced),
        (
            "{% if title %}\n{% else %}\n{% else %}\n{% endif %}",
            3,
            Reason::Unbalanced,
        ),
    ] {
        let (at, why, _) = refusal(body);
        assert_eq!((at, why), (line, reason), "{body}");
    }
    let deep = "{% if title %}".repeat(9) + &"{% endif %}".repeat(9);
    assert_eq!(refusal(&deep).1, Reason::TooDeep);
    let single = "a } b { c %} d }} e # f";
    let written = write(&sample(), &invitation(single)).unwrap();
    assert!(written.text.starts_with(single), "{}", written.text);
}

#[test]
fn an_invitation_without_the_link_for_everybody_is_refused() {
    for body in [
        "a",
        "{% if chair %}{{ link }}{% endif %}",
        "{% if chair %}{% else %}{{ link }}{% endif %}",
    ] {
        let template = Template {
            subject: "x".to_owned(),
            body: body.to_owned(),
        };
        for kind in [LetterKind::Invitation, LetterKind::Change] {
            let problem = template.check(kind, Language::Vi).unwrap_err();
            assert_eq!(problem.reason, Reason::LinkMissing, "{body}");
        }
    }
}

#[test]
fn what_would_be_too_long_with_the_longest_agenda_is_refused_before_it_is_used() {
    assert_eq!(
        refusal("{{ agenda }}{{ agenda }}").1,
        Reason::WouldBeTooLong
    );
    assert_eq!(refusal(&"x".repeat(10_001)).1, Reason::TooLong);
    let full = "{{chair}}".repeat(1_000);
    assert_eq!(refusal(&full).1, Reason::WouldBeTooLong);
    let many = "{% if chair %}{% endif %}".repeat(390);
    let checked = invitation(&many).check(LetterKind::Invitation, Language::Vi);
    assert_eq!(checked, Ok(()), "the longest template has its fuel");
}

#[test]
fn a_subject_is_one_line_and_says_something() {
    let check = |subject: &str| {
        let template = Template {
            subject: subject.to_owned(),
            ..invitation("")
        };
        let checked = template.check(LetterKind::Invitation, Language::Vi);
        checked.map_err(|problem| (problem.part, problem.reason))
    };
    assert_eq!(check("Mời {{ site }}"), Ok(()));
    assert_eq!(check(" "), Err((Part::Subject, Reason::Empty)));
    assert_eq!(check("{{ chair }}"), Err((Part::Subject, Reason::Empty)));
    assert_eq!(check("a\nb"), Err((Part::Subject, Reason::NotOneLine)));
    assert_eq!(
        check(&"x".repeat(301)),
        Err((Part::Subject, Reason::TooLong))
    );
    let listed = Template {
        subject: "{{ agenda }}".to_owned(),
        ..invitation("")
    };
    let written = write(&sample(), &listed).unwrap();
    assert!(!written.subject.contains('\n'), "{}", written.subject);
}

#[test]
fn the_html_says_what_the_text_says_with_the_link_to_click_on() {
    let template = Template::usual(LetterKind::Invitation, Language::Vi);
    let Text { text, html, .. } = write(&sample(), &template).unwrap();
    let link = "href=\"https://hop.example.vn/m/7KQM-2FJX-9VTP-3HWS\"";
    assert_eq!(html.matches(link).count(), 1, "{html}");
    assert_eq!(html.matches("<a ").count(), 1, "{html}");
    for line in text.lines().filter(|line| !line.is_empty()) {
        assert!(html.contains(line), "{line}: {html}");
    }
    assert!(html.starts_with("<!doctype html>\r\n<html lang=\"vi\">"));
}

#[test]
fn a_link_that_is_no_address_of_a_page_is_nothing_to_click_on() {
    let facts = Facts {
        url: "javascript:alert(1)".to_owned(),
        ..sample()
    };
    let html = write(&facts, &invitation("")).unwrap().html;
    assert!(!html.contains("<a "), "{html}");
}

proptest! {
    #[test]
    fn names_of_others_are_neither_html_nor_lines_nor_templates(name in ".{0,40}") {
        let hostile = format!("{name}<script>\"'&</p>\r\nBcc: a@b.vn\u{2028}{{{{ link }}}}{{% if x %}}\u{202e}");
        let facts = Facts {
            site_name: hostile.clone(),
            title: hostile.clone(),
            hall: Some(hostile.clone()),
            chair: Some(hostile.clone()),
            agenda: vec![Item { title: hostile.clone(), minutes: 5, speaker: Some(hostile.clone()) }],
            contact: Some(Contact { name: hostile.clone(), phone: hostile.clone(), email: hostile }),
            ..sample()
        };
        let template = Template::usual(LetterKind::Invitation, Language::Vi);
        let plain = write(&sample(), &template).unwrap();
        let written = write(&facts, &template).unwrap();
        prop_assert!(!written.subject.contains(crate::text::misleads));
        let lines = |text: &str| text.split("\r\n").count();
        // The sample has one more item.
        prop_assert_eq!(lines(&written.text) + 1, lines(&plain.text));
        prop_assert!(written.text.contains("{{ link }}"), "what stands in a name is not read");
        for tag in ["<script", "</p>\"", "\u{202e}"] {
            prop_assert!(!written.html.contains(tag));
        }
        prop_assert_eq!(written.html.matches('<').count() + 1, plain.html.matches('<').count());
    }
}
