//! Every mistake has its line and its sentence.

use super::*;

fn read(text: &str) -> Result<Vec<Site>, ImportError> {
    read_csv(text.as_bytes(), &[])
}

fn rows(rows: &str) -> Result<Vec<Site>, ImportError> {
    read(&format!("code,name,level,parent_code\n{rows}"))
}

fn problem(text: &str) -> String {
    rows(text).unwrap_err().to_string()
}

#[test]
fn a_good_list_is_read_with_quotes_spaces_and_a_byte_order_mark() {
    let text = "\u{feff}code,name,level,parent_code\r\nVN, Centre ,central,\r\n\
                01,\"Hà Nội, thủ đô\",province,VN\r\n";
    let sites = read(text).unwrap();
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
fn another_header_is_shown() {
    let error = read("id,name\n1,x\n").unwrap_err().to_string();
    assert_eq!(
        error,
        "the first line must name each of the columns code, name, level and parent_code once, and \
         contact_name and contact_phone at most once, but it is `id,name`"
    );
    assert!(matches!(read("").unwrap_err(), ImportError::Header(_)));
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
         line 4: \"region\" is not a level: use central (one, above all), province (below it) or \
         commune (below a province), also for places that are called otherwise\n\
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
    assert_eq!(
        errors.first().map(|error| error.line).collect::<Vec<_>>(),
        [3, 6]
    );
    let marked = "\u{feff}code,name,level,parent_code\nx\n";
    assert_eq!(
        read(marked).unwrap_err().to_string(),
        "line 2: 1 fields instead of 4"
    );
}

#[test]
fn a_code_stands_in_a_list_once() {
    let text = "VN,Centre,central,\n01,A,province,VN\n01,B,province,VN\n";
    assert_eq!(problem(text), "line 4: the code 01 is already on line 3");
}

#[test]
fn a_parent_is_one_level_above() {
    assert_eq!(
        problem("VN,Centre,central,\n101,A,commune,VN\n"),
        "line 3: VN, the parent of 101, is a central and should be a province"
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
        "line 2: 01, the parent of 01, is a province and should be a central"
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
    let sites = read_csv(&bytes, &[]).unwrap();
    assert_eq!(sites[0].name, "Trung ương");
}

#[test]
fn of_many_mistakes_the_first_twenty_are_told_and_the_rest_is_counted() {
    let wrong = "x,y\n".repeat(100_000);
    let ImportError::Rows(mistakes) = rows(&wrong).unwrap_err() else {
        panic!("rows are wrong")
    };
    assert_eq!(mistakes.total(), 100_000);
    let text = mistakes.to_string();
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
    // It took 40 s when every mistake counted the lines before it, and takes a tenth of one.
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}

#[test]
fn a_second_centre_is_refused_with_what_to_make_of_it() {
    let refused = "line 3: TW cannot be central, for VN is, and one centre is above all: make TW a \
                   province below it";
    assert_eq!(problem("VN,Centre,central,\nTW,Other,central,\n"), refused);
    let known = rows("VN,Centre,central,\n01,Hanoi,province,VN\n").unwrap();
    let list = "code,name,level,parent_code\n\nTW,Other,central,\n";
    let error = read_csv(list.as_bytes(), &known).unwrap_err();
    assert_eq!(error.to_string(), refused);
}

#[test]
fn a_centre_that_nothing_is_below_any_more_gives_way_to_another() {
    let known = rows("VN,Centre,central,\n01,Hanoi,province,VN\n").unwrap();
    let list = "code,name,level,parent_code\nTW,Other,central,\n01,Hanoi,province,TW\n";
    assert_eq!(read_csv(list.as_bytes(), &known).unwrap().len(), 2);
}

#[test]
fn a_list_of_every_school_of_a_country_is_read() {
    let mut list = "VN,Centre,central,\n01,Hanoi,province,VN\n".to_owned();
    for number in 2..MAX_SITES {
        list += &format!("{number:06},Tr\u{1b0}\u{1edd}ng {number},commune,01\n");
    }
    assert_eq!(rows(&list).unwrap().len(), MAX_SITES);
    let one_more = rows(&format!("{list}x,One more,commune,01\n")).unwrap_err();
    assert!(one_more.to_string().contains("in parts"), "{one_more}");
}
