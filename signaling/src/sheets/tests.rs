//! What a sheet holds.

use super::*;

fn zoned(text: &str) -> Zoned {
    format!("{text}[Asia/Ho_Chi_Minh]").parse().unwrap()
}

fn slip(number: usize) -> Slip {
    let code = format!("7KQM-2FJX-9VTP-{number:04}");
    Slip {
        name: format!("Phường Ba Đình {number}"),
        site_code: format!("{number:05}"),
        url: format!("https://hop.example.vn/m/{code}"),
        code,
    }
}

fn sheet(language: Language, slips: usize) -> Sheet {
    Sheet {
        language,
        province: "Thành phố Hà Nội".to_owned(),
        phone: "024 3825 3536".to_owned(),
        title: "Giao ban toàn quốc".to_owned(),
        starts_at: zoned("2026-11-30T08:00"),
        duration_minutes: 90,
        more_days: 0,
        made_at: zoned("2026-11-27T09:05"),
        slips: (1..=slips).map(slip).collect(),
    }
}

#[test]
fn every_site_has_a_slip_with_its_link_its_code_and_whom_to_call() {
    for language in [Language::Vi, Language::En] {
        let page = page(&sheet(language, 3));
        assert_eq!(page.matches("<h2>").count(), 3);
        assert_eq!(page.matches("<svg ").count(), 3);
        for number in 1..=3 {
            let slip = slip(number);
            let address = format!(">hop.example.vn/m/<wbr><span class=\"keep\">{}<", slip.code);
            assert!(page.contains(&address), "{address}");
            for said in [&slip.name, &slip.site_code, &slip.code] {
                assert!(
                    page.contains(&format!(">{said}<")) || page.contains(&format!(": {said}<")),
                    "{said}"
                );
            }
            assert!(page.contains(&Drawing::of(&slip.url).unwrap().path));
        }
        assert_eq!(page.matches("<b>024 3825 3536</b>").count(), 3);
    }
}

#[test]
fn a_page_says_which_conference_when_and_from_when_it_is() {
    let vietnamese = page(&sheet(Language::Vi, 1));
    for said in [
        "<html lang=\"vi\">",
        "<h1>Thành phố Hà Nội: Giao ban toàn quốc</h1>",
        "08 giờ 00, thứ Hai, ngày 30/11/2026 (giờ Việt Nam, UTC+7), 1 giờ 30 phút</p>",
        "In từ dữ liệu lúc 09 giờ 05, thứ Sáu, ngày 27/11/2026",
    ] {
        assert!(vietnamese.contains(said), "{said}: {vietnamese}");
    }
    let series = Sheet {
        more_days: 51,
        ..sheet(Language::En, 1)
    };
    let english = page(&series);
    for said in [
        "<html lang=\"en\">",
        "08:00, Monday, 30 November 2026 (Vietnam time, UTC+7), 1 hour 30 minutes; <span class=\"keep\">and on 51 more days</span></p>",
    ] {
        assert!(english.contains(said), "{said}: {english}");
    }
}

#[test]
fn two_hundred_sites_are_less_than_a_megabyte() {
    let page = page(&sheet(Language::Vi, 200));
    assert_eq!(page.matches("<h2>").count(), 200);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn names_of_others_are_not_html() {
    let hostile = "<script>alert(1)</script>\"'&\r\n\u{202e}";
    let mut hostile_sheet = sheet(Language::Vi, 1);
    hostile_sheet.province = hostile.to_owned();
    hostile_sheet.title = hostile.to_owned();
    hostile_sheet.phone = hostile.to_owned();
    for text in hostile_sheet.slips.iter_mut().flat_map(|slip| {
        [
            &mut slip.name,
            &mut slip.site_code,
            &mut slip.url,
            &mut slip.code,
        ]
    }) {
        hostile.clone_into(text);
    }
    let hostile = page(&hostile_sheet);
    let tags = |page: &str| page.matches('<').count();
    assert_eq!(tags(&hostile), tags(&page(&sheet(Language::Vi, 1))));
    assert!(!hostile.contains("<script") && !hostile.contains('\u{202e}'));
}

#[test]
fn the_page_asks_for_nothing_and_runs_nothing() {
    let page = page(&sheet(Language::Vi, 2));
    for absent in [
        "<script", "http:", "src=", "url(", "@import", " on", "<link", "<img",
    ] {
        let found = page.match_indices(absent).map(|(at, _)| &page[at..]).next();
        assert!(found.is_none(), "{absent}: {found:?}");
    }
}

#[test]
fn a_province_of_which_nobody_is_invited_says_so_and_one_without_a_number_has_none() {
    let nobody = page(&sheet(Language::Vi, 0));
    assert!(nobody.contains("Không có điểm cầu nào"), "{nobody}");
    let silent = Sheet {
        phone: String::new(),
        ..sheet(Language::Vi, 1)
    };
    assert!(!page(&silent).contains("Cần giúp"));
}
