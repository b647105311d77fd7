//! Lists as offices write them, and what is said of them.

use unicode_normalization::UnicodeNormalization as _;

use super::finding::{FindingCode, Severity};
use super::*;

const HEADER: &str = "code,name,level,parent_code\n";

fn rows(rows: &str) -> Result<Vec<Site>, ImportError> {
    read_csv(format!("{HEADER}{rows}").as_bytes())
}

fn problem(text: &str) -> String {
    rows(text).unwrap_err().to_string()
}

fn plan_of(list: &str, wish: &Wish, known: &[Site]) -> Plan {
    let directory = Directory {
        known: known.to_vec(),
        ..Directory::default()
    };
    Plan::new(list.as_bytes(), wish, &directory).unwrap()
}

fn plan(list: &str, known: &[Site]) -> Plan {
    plan_of(&format!("{HEADER}{list}"), &Wish::default(), known)
}

fn missing(missing: Missing) -> Wish {
    Wish {
        missing,
        ..Wish::default()
    }
}

fn known() -> Vec<Site> {
    rows("VN,C,central,\n01,H,province,VN\n00004,B,commune,01\n00008,N,commune,01\n").unwrap()
}

fn found(plan: &Plan) -> Vec<(FindingCode, u64, &str)> {
    let findings = plan.findings.first();
    findings
        .map(|finding| (finding.code, finding.row, finding.right.as_str()))
        .collect()
}

#[test]
fn a_good_list_is_read_with_quotes_spaces_and_a_byte_order_mark() {
    let text = "\u{feff}code,name,level,parent_code\r\nVN, Centre ,central,\r\n\
                01,\"Hà Nội, thủ đô\",province,VN\r\n";
    let sites = read_csv(text.as_bytes()).unwrap();
    assert_eq!(sites[0].name, "Centre");
    assert_eq!(sites[1].name, "Hà Nội, thủ đô");
    assert_eq!(sites[1].parent_code, Some("VN".parse().unwrap()));
}

#[test]
fn names_are_kept_in_one_spelling() {
    let decomposed: String = "Hà Nội".nfd().collect();
    let sites = rows(&format!("VN,{decomposed},central,\n")).unwrap();
    assert_eq!(sites[0].name, "Hà Nội");
}

#[test]
fn a_list_as_an_office_writes_it_is_read_without_being_told_how() {
    let list = "DANH SÁCH ĐIỂM CẦU;;;;;\n;;;;;\n\
                STT;Mã;Tên điểm cầu;Tỉnh/Thành phố;Điện thoại;E-mail\n\
                1;VN;Trung ương;;;\n2;01;Thành phố Hà Nội;Trung ương;024 3825 3536;hn@example.vn\n\
                3;00004;Phường Ba Đình;Hà Nội;;\n4;TH1;Trường Ba Đình;00004;;\n;;;;;\n";
    let sites = read_csv(list.as_bytes()).unwrap();
    let levels: Vec<_> = sites.iter().map(|site| site.level.as_str()).collect();
    assert_eq!(levels, ["central", "province", "commune", "place"]);
    assert_eq!(sites[1].contact_email.as_deref(), Some("hn@example.vn"));
    assert_eq!(sites[2].parent_code, Some("01".parse().unwrap()));
    let plan = plan_of(list, &Wish::default(), &[]);
    assert_eq!(plan.ignored, ["STT"]);
    assert_eq!(plan.columns[0], (Column::Code, "Mã".to_owned()));
}

#[test]
fn another_header_is_shown() {
    assert!(read_csv(b"id;tel\n1;x\n").is_err());
    let error = read_csv(b"nr,label\n1,x\n").unwrap_err().to_string();
    assert!(error.ends_with("it begins with `nr,label`"), "{error}");
    assert!(matches!(read_csv(b"").unwrap_err(), ImportError::Header(_)));
}

#[test]
fn a_list_without_sites_is_refused() {
    assert!(matches!(rows("").unwrap_err(), ImportError::Empty));
}

#[test]
fn each_mistake_is_told_with_its_line() {
    let text = "VN,Centre,central,\n01,,province,VN\n02,B,region,VN\na b,C,province,VN\n\
                03,D,province\n04,E,province,VN\n";
    assert_eq!(
        problem(text),
        "line 3: the site 01 has no name\n\
         line 4: \"region\" is not a level: use central (one, above all), province (below it), \
         commune (below a province), or school, hospital, company or place (below any site), also \
         for places that are called otherwise\n\
         line 5: \"a b\" is not a site code: it has 1 to 16 letters (A-Z, a-z), digits, '-', '_' or '.', and not dots alone\n\
         line 6: 3 fields instead of 4"
    );
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let text = "VN,\"Centre\",central,\n\n# no comment\n";
    assert_eq!(problem(text), "line 4: 1 fields instead of 4");
    let text = "VN,\"Centre\",central,\r\n01,\"two\r\nlines\",province,VN\r\n\r\nx";
    let ImportError::Rows(errors) = rows(text).unwrap_err() else {
        panic!("rows are wrong")
    };
    let lines: Vec<_> = errors.first().map(|error| error.row).collect();
    assert_eq!(lines, [3, 6]);
    let marked = format!("\u{feff}{HEADER}x\n");
    assert_eq!(
        read_csv(marked.as_bytes()).unwrap_err().to_string(),
        "line 2: 1 fields instead of 4"
    );
}

#[test]
fn a_code_stands_in_a_list_once() {
    let text = "VN,Centre,central,\n01,A,province,VN\n01,B,province,VN\n";
    assert_eq!(problem(text), "line 4: the code 01 is already on line 3");
}

#[test]
fn a_code_that_is_an_address_of_the_servers_own_is_refused() {
    let refused = problem("VN,C,central,\nexport,A,province,VN\n");
    assert!(refused.starts_with("line 3: no site can have the code export"));
}

#[test]
fn a_parent_is_one_level_above() {
    assert_eq!(
        problem("VN,Centre,central,\n101,A,commune,VN\n"),
        "line 3: VN, the parent of 101, is no province and should be one"
    );
    assert_eq!(
        problem("VN,Centre,central,VN\n"),
        "line 2: VN is the centre and cannot be below VN"
    );
    assert_eq!(
        problem("VN,Centre,central,\n01,A,province,\n"),
        "line 3: 01 is a province and needs a parent_code"
    );
    assert_eq!(
        problem("01,A,province,01\n"),
        "line 2: 01, the parent of 01, is no central and should be one"
    );
}

#[test]
fn schools_and_companies_are_below_any_site_to_any_depth() {
    let list = "VN,C,central,\n01,H,province,VN\n101,X,commune,01\nT1,Trường,school,101\n\
                L1,Lớp,place,T1\nB1,Bộ,company,VN\nB2,Viện,hospital,B1\n";
    let sites = rows(list).unwrap();
    let provinces = Provinces::of(&sites);
    let of: Vec<_> = sites
        .iter()
        .map(|site| provinces.province(site).map_or("", |code| code.as_str()))
        .collect();
    assert_eq!(of, ["", "01", "01", "01", "01", "", ""]);
}

#[test]
fn nothing_is_below_itself_nor_below_too_many() {
    let circle = "VN,C,central,\nA,a,place,B\nB,b,place,C\nC,c,place,A\n";
    assert!(problem(circle).starts_with("line 3: A is below itself, by way of B\nline 4: "));
    let mut deep = "VN,C,central,\nP0,p,place,VN\n".to_owned();
    for depth in 1..=MAX_DEPTH {
        deep += &format!("P{depth},p,place,P{}\n", depth - 1);
    }
    assert_eq!(problem(&deep), "line 19: more than 16 levels are above P16");
}

#[test]
fn a_parent_that_is_not_there_is_told_with_the_one_that_may_be_meant() {
    let list = "VN,C,central,\n01,Thành phố Hà Nội,province,VN\n02,Lào Cai,province,VN\n\
                101,X,commune,1\n102,Y,commune,Ha Noj\n103,Z,commune,99\n";
    assert_eq!(
        problem(list),
        "line 5: there is no site 1, the parent of 101: is it 01?\n\
         line 6: there is no site Ha Noj, the parent of 102: is it 01?\n\
         line 7: there is no site 99, the parent of 103"
    );
    let unsaid = "code,name,parent_code\nVN,C,\n101,X,Ha Noj\n";
    let error = read_csv(unsaid.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "line 3: there is no site Ha Noj, the parent of 101");
    let twins = "VN,C,central,\n01,A,province,VN\nX1,Bạch Mai,place,01\nX2,Bạch Mai,place,01\n\
                 X3,Khoa,place,Bạch Mai\n";
    assert_eq!(
        problem(twins),
        "line 6: several sites are called Bạch Mai, the parent of X3: use the code, as X1, X2"
    );
}

#[test]
fn names_with_line_breaks_and_endless_names_are_refused() {
    assert!(problem("VN,\"a\nb\",central,\n").contains("must be one line"));
    let turned = problem("VN,Xã \u{202e}A,central,\n");
    assert!(turned.contains("direction of writing"), "{turned}");
    assert!(problem(&format!("VN,{},central,\n", "x".repeat(201))).contains("must be one line"));
}

#[test]
fn a_list_saved_as_unicode_text_is_read() {
    let text = "\u{feff}name\tcode\tlevel\tparent_code\r\nTrung ương\tVN\tcentral\t\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_csv(&bytes).unwrap()[0].name, "Trung ương");
}

#[test]
fn of_many_mistakes_the_first_twenty_are_told_and_the_rest_is_counted() {
    let wrong = "x,y\n".repeat(100_000);
    let ImportError::Rows(findings) = rows(&wrong).unwrap_err() else {
        panic!("rows are wrong")
    };
    assert_eq!(findings.count(Severity::Error), 100_000);
    let text = findings.told(Severity::Error);
    assert!(text.ends_with("\nand 99980 more"), "{text}");
}

#[test]
fn a_wrong_list_of_any_length_is_judged_in_linear_time() {
    let many: String = (0..80_000)
        .map(|n| format!("D{},Xã thứ {n},commune,01\n", n % 40_000))
        .collect();
    let begun = std::time::Instant::now();
    let error = rows(&format!("VN,c,central,\n01,p,province,VN\n{many}")).unwrap_err();
    assert!(error.to_string().ends_with("and 39980 more"), "{error}");
    // It took 40 s when every mistake counted the lines before it, and takes less than one.
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}

#[test]
fn a_second_centre_is_refused_with_what_to_make_of_it() {
    let refused = "line 3: TW cannot be central, for VN is, and one centre is above all: make TW a \
                   province below it";
    assert_eq!(problem("VN,Centre,central,\nTW,Other,central,\n"), refused);
    let plan = plan("\nTW,Other,central,\n", &known());
    assert_eq!(plan.findings.told(Severity::Error), refused);
}

#[test]
fn a_centre_that_nothing_is_below_any_more_gives_way_to_another() {
    let known = rows("VN,Centre,central,\n01,Hanoi,province,VN\n").unwrap();
    let plan = plan("TW,Other,central,\n01,Hanoi,province,TW\n", &known);
    assert_eq!(plan.check(false), Ok(()));
}

#[test]
fn a_list_of_every_school_of_a_country_is_read() {
    let mut list = "VN,Centre,central,\n01,Hanoi,province,VN\n".to_owned();
    for number in 2..MAX_SITES {
        list += &format!("{number:06},Tr\u{1b0}\u{1edd}ng {number},school,01\n");
    }
    assert_eq!(rows(&list).unwrap().len(), MAX_SITES);
    let one_more = rows(&format!("{list}x,One more,school,01\n")).unwrap_err();
    assert!(one_more.to_string().contains("in parts"), "{one_more}");
}

#[test]
fn a_list_says_whom_to_call_at_a_site_or_nothing_of_it() {
    let header = "code,name,contact_name,contact_phone,seats,line_profile,stand_by_device,groups\n";
    let all = format!("{header}VN,C,Hoa,024,120,cáp quang,điện thoại,Bão; Lũ\n");
    let sites = read_csv(all.as_bytes()).unwrap();
    assert_eq!(sites[0].contact_phone.as_deref(), Some("024"));
    assert_eq!(sites[0].seats, Some(120));
    assert_eq!(sites[0].groups.len(), 2);
    assert_eq!(plan("VN,C,central,\n", &sites).unchanged, 1);
    let of_names = "code,contact_name,seats\nVN,,\n";
    let plan = plan_of(of_names, &Wish::default(), &sites);
    let after = &plan.changed[0].after;
    assert_eq!((after.contact_name.as_deref(), after.seats), (None, None));
    assert_eq!(after.contact_phone.as_deref(), Some("024"));
    assert_eq!(after.line_profile.as_deref(), Some("cáp quang"));
}

#[test]
fn a_field_that_cannot_be_is_named_with_its_line_and_what_would_be_right() {
    let long = "1".repeat(101);
    let list = format!(
        "code,name,contact_phone,contact_email,seats\nVN,C,{long},,\nB1,B,,none,\nB2,D,,,many\n\
         B3,#N/A,,,\n"
    );
    let plan = plan_of(&list, &Wish::default(), &[]);
    let errors = plan.findings.told(Severity::Error);
    for part in [
        "line 2: the contact_phone of VN must be one line of 100 characters",
        "line 3: the contact_email of B1 is \"none\" and should be like name@example.vn",
        "line 4: the seats of B2 are \"many\" and should be a whole number up to 100000",
        "line 5: the spreadsheet could not compute the name: it says #N/A",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
}

#[test]
fn a_plan_names_what_it_adds_and_changes_and_what_is_not_in_the_list() {
    let plan = plan(
        "00004,B,commune,01\n00008,M,commune,01\n00012,P,commune,01\n",
        &known(),
    );
    assert_eq!(plan.unchanged, 1);
    assert_eq!(plan.changed[0].before.name, "N");
    assert_eq!(plan.changed[0].after.name, "M");
    assert_eq!(plan.added[0].code.as_str(), "00012");
    assert_eq!(plan.vanished.len(), 2);
    // They stay, and nothing is to be confirmed.
    assert_eq!((plan.writes().count(), plan.removals().count()), (2, 0));
    assert_eq!(plan.check(false), Ok(()));
}

#[test]
fn codes_that_have_lost_their_zeros_are_noticed() {
    let eaten = "VN,C,central,\n1,H,province,VN\n4,B,commune,1\n8,N,commune,1\n";
    let plan = plan(eaten, &known());
    use FindingCode::CodeCut;
    assert_eq!(
        found(&plan),
        [
            (CodeCut, 3, "01"),
            (CodeCut, 4, "00004"),
            (CodeCut, 5, "00008")
        ]
    );
    assert!(plan.check(true).is_err());
}

#[test]
fn codes_that_are_shorter_than_most_are_taken_only_when_that_is_meant() {
    let list = "VN,C,central,\n01,H,province,VN\n1234,A,commune,01\n12345,B,commune,01\n\
                12346,C,commune,01\n";
    let short = plan(list, &[]);
    assert_eq!(found(&short), [(FindingCode::CodeShort, 4, "01234")]);
    assert!(matches!(short.check(false), Err(ImportError::Doubtful(_))));
    assert_eq!(short.check(true), Ok(()));
    // What is known is no longer asked about, and codes of all lengths are nobody's mistake.
    assert!(found(&plan(list, &short.added)).is_empty());
    let first = "VN,C,central,\n1,H,province,VN\n10,D,province,VN\n";
    assert_eq!(
        found(&plan(first, &[])),
        [(FindingCode::CodeShort, 3, "01")]
    );
}

#[test]
fn a_province_and_a_commune_may_have_the_same_number() {
    let plan = plan("00001,P,commune,01\n", &known());
    assert_eq!((plan.added.len(), found(&plan)), (1, Vec::new()));
}

#[test]
fn the_same_name_twice_in_one_province_is_noted_and_so_are_spaces_and_short_numbers() {
    let list =
        "code,name,parent_code,contact_phone\n00012,b,01,912345678\n00016, P,01,0912345678\n";
    let plan = plan_of(list, &Wish::default(), &known());
    assert_eq!(
        found(&plan),
        [
            (FindingCode::NameTwice, 2, "00004"),
            (FindingCode::PhoneShort, 2, "0912345678"),
            (FindingCode::Spaces, 3, "P"),
        ]
    );
    assert_eq!(plan.check(false), Ok(()));
}

#[test]
fn nothing_looks_wrong_with_the_list_of_the_country() {
    let list = include_str!("../../data/sites-vn-2025.csv");
    let plan = plan_of(list, &missing(Missing::Remove), &[]);
    assert_eq!(plan.added.len(), 3356);
    assert!(found(&plan).is_empty(), "{:?}", found(&plan));
}

#[test]
fn a_list_that_has_lost_a_part_of_itself_is_taken_only_when_that_is_meant() {
    let list = format!("{HEADER}VN,C,central,\n01,H,province,VN\n00004,B,commune,01\n");
    for wish in [missing(Missing::Hide), missing(Missing::Remove)] {
        let plan = plan_of(&list, &wish, &known());
        assert_eq!(found(&plan), [(FindingCode::ManyVanish, 0, "4")]);
        assert!(matches!(plan.check(false), Err(ImportError::Doubtful(_))));
        assert_eq!(plan.check(true), Ok(()));
    }
    let kept = plan_of(&list, &Wish::default(), &known());
    assert_eq!((kept.vanished.len(), found(&kept)), (1, Vec::new()));
}

#[test]
fn what_is_above_a_site_does_not_vanish() {
    let list = format!("{HEADER}VN,C,central,\n00004,B,commune,01\n");
    let plan = plan_of(&list, &missing(Missing::Hide), &known());
    let (code, row, _) = found(&plan)[0];
    assert_eq!((code, row), (FindingCode::ParentVanishes, 3));
    assert!(plan.check(true).is_err());
}

#[test]
fn a_site_that_a_conference_expects_is_not_removed() {
    let directory = Directory {
        known: known(),
        expected: [("00008".parse().unwrap(), "weekly".parse().unwrap())].into(),
    };
    let list = format!("{HEADER}VN,C,central,\n01,H,province,VN\n00004,B,commune,01\n");
    let plan = Plan::new(list.as_bytes(), &missing(Missing::Remove), &directory).unwrap();
    assert_eq!(found(&plan)[0], (FindingCode::SiteExpected, 0, "weekly"));
    let hidden = Plan::new(list.as_bytes(), &missing(Missing::Hide), &directory).unwrap();
    assert_eq!(hidden.check(true), Ok(()));
    let hides: Vec<_> = hidden.writes().filter(|site| site.hidden).collect();
    assert_eq!(hides[0].code.as_str(), "00008");
}

#[test]
fn a_hidden_site_that_a_list_names_again_is_in_sight_again() {
    let mut known = known();
    known[3].hidden = true;
    let plan = plan("00008,N,commune,01\n", &known);
    assert!(!plan.changed[0].after.hidden);
    let preview = plan.preview(0, 10);
    assert_eq!(preview.changed.entries[0].fields[0].before, "hidden");
}

#[test]
fn a_digest_stands_for_the_list_the_directory_and_what_is_wished() {
    let known = known();
    let list = "00012,P,commune,01\n";
    let digest = plan(list, &known).digest;
    assert_eq!(plan(list, &known).digest, digest);
    assert_ne!(plan("00012,Q,commune,01\n", &known).digest, digest);
    let mut other = known.clone();
    other[3].contact_phone = Some("1".into());
    assert_ne!(plan(list, &other).digest, digest);
    let whole = format!("{HEADER}{list}");
    assert_ne!(
        plan_of(&whole, &missing(Missing::Hide), &known).digest,
        digest
    );
}

#[test]
fn fifty_thousand_sites_are_compared_soon_and_told_in_less_than_a_hundred_kilobytes() {
    let header = "code,name,level,parent_code,contact_name,stand_by_device\n";
    let long = "Đ".repeat(190);
    let list = |word: &str| {
        let mut list = format!("{header}VN,C,central,,,\n01,P,province,VN,,\n");
        for number in 0..50_000 {
            list += &format!("{number:05},{long} {number},school,01,{word}{long}, {long}\n");
        }
        list
    };
    let sites = read_csv(list("a").as_bytes()).unwrap();
    let begun = std::time::Instant::now();
    let plan = plan_of(&list("b"), &missing(Missing::Hide), &sites[..40_000]);
    let took = begun.elapsed();
    assert_eq!((plan.changed.len(), plan.added.len()), (39_998, 10_002));
    let told = serde_json::to_vec(&plan.preview(0, 100)).unwrap();
    assert!(told.len() < 100_000, "{} bytes", told.len());
    // It takes about two seconds without optimisation; comparing each with each would take an hour.
    assert!(took.as_secs() < 60, "{took:?}");
}

#[test]
fn a_preview_goes_on_where_its_last_part_ended() {
    let list: String = (0..250)
        .map(|n| format!("S{n},Site {n},school,01\n"))
        .collect();
    let plan = plan(&list, &known());
    let mut seen = 0;
    while seen < 250 {
        let part = plan.preview(seen, 100).added;
        assert_eq!(part.total, 250);
        assert_eq!(part.entries[0].code.as_str(), format!("S{seen}"));
        seen += u32::try_from(part.entries.len()).unwrap();
    }
    assert!(plan.preview(seen, 100).added.entries.is_empty());
}

#[test]
fn a_list_without_a_header_tells_how_it_begins_by_its_own_delimiter() {
    let list = "DANH SÁCH;;\nKý hiệu;Tên gọi khác;Ghi chú\nA1;Xã, Tân Thành;\n";
    let ImportError::Header(begins) = read_csv(list.as_bytes()).unwrap_err() else {
        panic!("it has no header");
    };
    assert_eq!(begins.lines[1], ["Ký hiệu", "Tên gọi khác", "Ghi chú"]);
    assert_eq!(begins.lines.len(), 3);
}
