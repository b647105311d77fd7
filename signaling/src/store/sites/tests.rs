//! Importing and finding sites.

use tempfile::TempDir;

use super::*;
use crate::testing::location;

const VIETNAM: &[u8] = include_bytes!("../../../data/sites-vn-2025.csv");

const HEADER: &str = "code,name,level,parent_code\n";

/// Two provinces, and a school below a commune of the first.
const FEW: &str = "VN,C,central,\n01,H,province,VN\n02,T,province,VN\nA,Ward,commune,01\n\
    B,Ward,commune,02\nC,School,school,A\n";

async fn store() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (
        Store::open(&location(directory.path())).await.unwrap(),
        directory,
    )
}

async fn import(store: &Store, rows: &str) -> Result<ImportSummary, ImportFailure> {
    import_list(store, format!("{HEADER}{rows}").as_bytes()).await
}

async fn import_list(store: &Store, list: &[u8]) -> Result<ImportSummary, ImportFailure> {
    let consent = Consent::default();
    store.import_sites(list, &Wish::default(), &consent).await
}

fn summary(added: u32, changed: u32, unchanged: u32) -> ImportSummary {
    ImportSummary {
        added,
        changed,
        unchanged,
        hidden: 0,
        removed: 0,
        warnings: Vec::new(),
    }
}

fn search(text: &str) -> SiteFilter {
    SiteFilter {
        search: Some(text.to_owned()),
        ..SiteFilter::default()
    }
}

async fn codes(store: &Store, filter: &SiteFilter) -> Vec<String> {
    store
        .sites(filter)
        .await
        .unwrap()
        .iter()
        .map(|site| site.code.to_string())
        .collect()
}

#[tokio::test]
async fn the_whole_country_is_imported_once() {
    let (store, _directory) = store().await;
    assert_eq!(
        import_list(&store, VIETNAM).await.unwrap(),
        summary(3356, 0, 0)
    );
    assert_eq!(
        import_list(&store, VIETNAM).await.unwrap(),
        summary(0, 0, 3356)
    );
    let all = store.sites(&SiteFilter::default()).await.unwrap();
    assert_eq!(all.len(), 3356);
    let of = |level| SiteFilter {
        level: Some(level),
        ..SiteFilter::default()
    };
    assert_eq!(store.sites(&of(Level::Central)).await.unwrap().len(), 1);
    assert_eq!(store.sites(&of(Level::Province)).await.unwrap().len(), 34);
    assert_eq!(store.sites(&of(Level::Commune)).await.unwrap().len(), 3321);
    let below = SiteFilter {
        parent: Some("01".parse().unwrap()),
        ..SiteFilter::default()
    };
    assert_eq!(store.sites(&below).await.unwrap().len(), 126);
}

#[tokio::test]
async fn names_are_found_without_their_diacritics() {
    let (store, _directory) = store().await;
    import_list(&store, VIETNAM).await.unwrap();
    for text in ["ba dinh", "Ba Đình", "BA ĐÌNH", " ba dinh "] {
        assert!(
            codes(&store, &search(text))
                .await
                .contains(&"00004".to_owned()),
            "{text}"
        );
    }
    assert_eq!(codes(&store, &search("00004")).await, ["00004"]);
    assert_eq!(codes(&store, &search("no such place")).await, [""; 0]);
    let both = SiteFilter {
        level: Some(Level::Province),
        ..search("ha noi")
    };
    assert_eq!(codes(&store, &both).await, ["01"]);
}

#[tokio::test]
async fn those_that_are_named_are_found_and_no_others() {
    let (store, _directory) = store().await;
    import_list(&store, VIETNAM).await.unwrap();
    let named = |names: &[&str]| SiteFilter {
        codes: Some(names.iter().map(|code| code.parse().unwrap()).collect()),
        ..SiteFilter::default()
    };
    let some = named(&["00008", "4", "00004", "99999", "01"]);
    assert_eq!(codes(&store, &some).await, ["00004", "00008", "01"]);
    let within = SiteFilter {
        within: Some("68".parse().unwrap()),
        ..some
    };
    assert_eq!(codes(&store, &within).await, [""; 0]);
    assert_eq!(codes(&store, &named(&[])).await, [""; 0]);
}

#[tokio::test]
async fn signs_of_the_search_language_mean_themselves() {
    let (store, _directory) = store().await;
    import(&store, "VN,100% _ \\ centre,central,\n")
        .await
        .unwrap();
    for text in ["%", "_", "\\", "0% _"] {
        assert_eq!(codes(&store, &search(text)).await, ["VN"], "{text}");
    }
    assert_eq!(codes(&store, &search("1%e")).await, [""; 0]);
    assert_eq!(codes(&store, &search("' OR 1=1 --")).await, [""; 0]);
}

#[tokio::test]
async fn a_second_import_adds_changes_and_leaves_alone() {
    let (store, _directory) = store().await;
    import(&store, "VN,Centre,central,\n01,Hanoi,province,VN\n")
        .await
        .unwrap();
    let second = "01,Hà Nội,province,VN\n02,Huế,province,VN\nVN,Centre,central,\n";
    assert_eq!(import(&store, second).await.unwrap(), summary(1, 1, 1));
    let site = store.site(&"01".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(site.name, "Hà Nội");
    // What the list does not name stays, and may be a parent.
    assert_eq!(
        import(&store, "101,A,commune,01\n").await.unwrap(),
        summary(1, 0, 0)
    );
    assert_eq!(
        codes(&store, &SiteFilter::default()).await,
        ["01", "02", "101", "VN"]
    );
}

#[tokio::test]
async fn a_child_may_stand_before_its_parent() {
    let (store, _directory) = store().await;
    let rows = "101,A,commune,01\n01,Hanoi,province,VN\nVN,Centre,central,\n";
    assert_eq!(import(&store, rows).await.unwrap(), summary(3, 0, 0));
}

#[tokio::test]
async fn one_wrong_line_and_nothing_is_imported() {
    let (store, _directory) = store().await;
    let rows = "VN,Centre,central,\n01,Hanoi,province,VN\n101,A,commune,99\n";
    let error = import(&store, rows).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4: there is no site 99, the parent of 101"
    );
    assert_eq!(codes(&store, &SiteFilter::default()).await, [""; 0]);
}

#[tokio::test]
async fn a_province_with_communes_cannot_become_one() {
    let (store, _directory) = store().await;
    import(
        &store,
        "VN,C,central,\n01,H,province,VN\n02,I,province,VN\n101,A,commune,01\n",
    )
    .await
    .unwrap();
    let error = import(&store, "01,H,commune,02\n")
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "line 2: 01, the parent of 101, is no province and should be one"
    );
}

#[tokio::test]
async fn a_part_of_the_list_begins_behind_a_site_and_ends_at_its_limit() {
    let (store, _directory) = store().await;
    import(&store, FEW).await.unwrap();
    let part = |after: Option<&str>, limit| SiteFilter {
        after: after.map(|code| code.parse().unwrap()),
        limit: Some(limit),
        ..SiteFilter::default()
    };
    assert_eq!(codes(&store, &part(None, 2)).await, ["01", "02"]);
    assert_eq!(codes(&store, &part(Some("02"), 2)).await, ["A", "B"]);
    // One that is gone is as good a place as any.
    assert_eq!(codes(&store, &part(Some("Aa"), 9)).await, ["B", "C", "VN"]);
}

#[tokio::test]
async fn sites_come_with_all_that_are_above_them_and_nothing_beside() {
    let (store, _directory) = store().await;
    import(&store, FEW).await.unwrap();
    let wanted = ["C", "99"].map(|code| code.parse().unwrap());
    let found = store.sites_and_above(&wanted).await.unwrap();
    let found: Vec<_> = found.iter().map(|site| site.code.as_str()).collect();
    assert_eq!(found, ["01", "A", "C", "VN"]);
    assert_eq!(store.sites_and_above(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn groups_are_counted_over_the_sites_that_are_shown() {
    let (store, _directory) = store().await;
    let list = "code,name,level,parent_code,groups\n\
        VN,C,central,,\n\
        01,H,province,VN,North\n\
        02,T,province,VN,North; Coast\n\
        A,Ward,commune,01,Coast\n";
    import_list(&store, list.as_bytes()).await.unwrap();
    let group = |name: &str, sites| SiteGroup {
        name: name.to_owned(),
        sites,
    };
    let all = store.site_groups(None).await.unwrap();
    assert_eq!(all, [group("Coast", 2), group("North", 2)]);
    let within = store.site_groups(Some(&"01".parse().unwrap())).await;
    assert_eq!(within.unwrap(), [group("Coast", 1), group("North", 1)]);
    let wish = Wish {
        missing: Missing::Hide,
        ..Wish::default()
    };
    let left =
        "code,name,level,parent_code,groups\nVN,C,central,,\n02,T,province,VN,North; Coast\n";
    let agreed = Consent {
        confirmed: true,
        digest: None,
    };
    store
        .import_sites(left.as_bytes(), &wish, &agreed)
        .await
        .unwrap();
    let shown = store.site_groups(None).await.unwrap();
    assert_eq!(shown, [group("Coast", 1), group("North", 1)]);
}

#[tokio::test]
async fn the_outline_has_each_site_once_where_it_stands() {
    let (store, _directory) = store().await;
    import(&store, FEW).await.unwrap();
    let mut shown = Vec::new();
    for (level, above, codes) in store.outline().await.unwrap() {
        let above = above.map_or_else(String::new, |code| code.to_string());
        let of = |code: &str| format!("{above}>{code} {}", level.as_str());
        shown.extend(codes.lines().map(of));
    }
    shown.sort();
    let wanted = [
        "01>A commune",
        "02>B commune",
        ">VN central",
        "A>C school",
        "VN>01 province",
        "VN>02 province",
    ];
    assert_eq!(shown, wanted);
}
