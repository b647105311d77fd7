//! Accounts, logins, codes and acts as they are kept.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::accounts::{Act, LoginTimes, NewLogin};
use crate::auth::{CodeHash, LinkCode, Role, SessionSecret};
use crate::fresh;
use crate::ids::{ActId, LoginId, TokenId};
use crate::store::{ActFilter, LoginFilter, WelcomeFor, Welcomed};
use crate::testing::location;

const TIMES: LoginTimes = LoginTimes {
    idle: SignedDuration::from_hours(12),
    whole: SignedDuration::from_hours(168),
};

fn hour(hour: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
}

async fn store(directory: &tempfile::TempDir) -> Store {
    Store::open(&location(directory.path())).await.unwrap()
}

fn account(login: &str, name: &str, role: AccountRole) -> Account {
    let details = Details {
        name: name.to_owned(),
        email: Some(format!("{login}@example.vn")),
        role,
        province: (role == AccountRole::Provincial).then(|| "01".parse().unwrap()),
        is_disabled: false,
    };
    fresh::account(login.parse().unwrap(), details, hour(0))
}

fn code(number: u8) -> CodeHash {
    LinkCode::new([number; 10]).hash()
}

/// Adds somebody who has set a password.
async fn add(store: &Store, account: &Account) {
    assert!(store.add_account(account.clone()).await.unwrap());
    let kept = store.add_welcome(code(99), Some(account.id), hour(1));
    kept.await.unwrap();
    let used = store.use_welcome(code(99), "kept".to_owned()).await;
    assert!(matches!(used.unwrap(), Welcomed::Done(_)));
}

fn login(account: &Account, number: u8, at: Timestamp) -> NewLogin {
    NewLogin {
        id: LoginId::new(u64::try_from(at.as_millisecond()).unwrap(), number.into()),
        secret: SessionSecret::new([number; 16]).hash(),
        account: account.id,
        at,
        ends_at: at + TIMES.whole,
        address: "192.0.2.7".to_owned(),
        agent: Some("Firefox".to_owned()),
    }
}

async fn found(store: &Store, filter: AccountFilter) -> Vec<String> {
    let filter = AccountFilter {
        limit: filter.limit.max(1),
        ..filter
    };
    let accounts = store.accounts(&filter).await.unwrap();
    accounts.iter().map(|it| it.login.to_string()).collect()
}

#[tokio::test]
async fn accounts_are_found_by_words_by_role_and_page_by_page_and_one_login_is_one_account() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let an = account("An", "Nguyễn Thị An", AccountRole::National);
    let binh = account("binh", "Trần Bình", AccountRole::Provincial);
    let chi = account("chi", "Nguyễn Chí", AccountRole::Provincial);
    for one in [&chi, &an, &binh] {
        assert!(store.add_account(one.clone()).await.unwrap());
    }
    let again = account("aN", "Somebody else", AccountRole::Auditor);
    assert!(!store.add_account(again).await.unwrap());
    let all = AccountFilter {
        limit: 10,
        ..AccountFilter::default()
    };
    assert_eq!(found(&store, all.clone()).await, ["An", "binh", "chi"]);
    for (query, logins) in [
        ("nguyen", &["An", "chi"][..]),
        ("NGUYEN chi", &["chi"]),
        ("binh@example", &["binh"]),
        ("%", &[]),
        ("  ", &["An", "binh", "chi"]),
    ] {
        let filter = AccountFilter {
            query: Some(query.to_owned()),
            ..all.clone()
        };
        assert_eq!(found(&store, filter).await, logins, "{query:?}");
    }
    let provincial = AccountFilter {
        role: Some(AccountRole::Provincial),
        after: Some("binh".parse().unwrap()),
        ..all
    };
    assert_eq!(found(&store, provincial).await, ["chi"]);
    let known = store.credentials(&"AN".parse().unwrap()).await.unwrap();
    assert_eq!(known.map(|it| (it.account, it.password)), Some((an, None)));
}

#[tokio::test]
async fn the_last_administrator_who_can_log_in_is_kept_and_whoever_is_not_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let [one, other] = ["one", "other"].map(|login| account(login, login, AccountRole::Admin));
    add(&store, &one).await;
    assert!(store.has_administrator().await.unwrap());
    // Nobody has come with the second one yet.
    assert!(store.add_account(other.clone()).await.unwrap());
    let auditor = Details {
        role: AccountRole::Auditor,
        ..one.details()
    };
    let disabled = Details {
        is_disabled: true,
        ..one.details()
    };
    for refused in [
        store.change_account(one.id, auditor.clone()).await,
        store.change_account(one.id, disabled).await,
        store.remove_account(one.id).await,
    ] {
        assert_eq!(refused.unwrap(), Changed::LastAdministrator);
    }
    let renamed = Details {
        name: "Một".to_owned(),
        ..one.details()
    };
    let changed = store.change_account(one.id, renamed).await.unwrap();
    assert!(matches!(changed, Changed::Done(account) if account.name == "Một"));
    store
        .add_welcome(code(1), Some(other.id), hour(9))
        .await
        .unwrap();
    store.use_welcome(code(1), "kept".to_owned()).await.unwrap();
    let changed = store.change_account(one.id, auditor).await.unwrap();
    assert!(matches!(changed, Changed::Done(_)));
    let removed = store.remove_account(one.id).await.unwrap();
    assert!(matches!(removed, Changed::Done(_)));
    assert_eq!(
        store.remove_account(one.id).await.unwrap(),
        Changed::Unknown
    );
}

#[tokio::test]
async fn a_login_is_found_by_its_secret_until_it_ends_or_its_account_is_disabled() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let an = account("an", "An", AccountRole::National);
    add(&store, &an).await;
    let secret = |number| SessionSecret::new([number; 16]).hash();
    let is_in = async |number| store.login(&secret(number)).await.unwrap().is_some();
    for number in 1..=3 {
        let begun = store.begin_login(login(&an, number, hour(1))).await;
        assert_eq!(begun.unwrap().unwrap().last_login_at, Some(hour(1)));
    }
    let kept = store.login(&secret(1)).await.unwrap().unwrap();
    assert_eq!((kept.account.id, kept.ends_at), (an.id, hour(169)));
    store.touch_login(kept.id, hour(5)).await.unwrap();
    let seen = store.login(&secret(1)).await.unwrap().unwrap().seen_at;
    assert_eq!(seen, hour(5));
    let nobody = fresh::account("x".parse().unwrap(), an.details(), hour(0)).id;
    assert!(!store.end_login(kept.id, Some(nobody)).await.unwrap());
    assert!(store.end_login(kept.id, None).await.unwrap());
    assert!(!store.end_login(kept.id, None).await.unwrap());
    assert!(!is_in(1).await && is_in(2).await);
    let disabled = Details {
        is_disabled: true,
        ..an.details()
    };
    store.change_account(an.id, disabled).await.unwrap();
    assert!(!is_in(2).await && !is_in(3).await);
    let refused = store.begin_login(login(&an, 4, hour(2))).await;
    assert_eq!(refused.unwrap(), None);
}

#[tokio::test]
async fn who_is_in_is_listed_and_the_oldest_login_of_many_ends() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let [an, binh] = ["an", "binh"].map(|login| account(login, login, AccountRole::National));
    for one in [&an, &binh] {
        assert!(store.add_account(one.clone()).await.unwrap());
    }
    for number in 1..=25 {
        let new = login(&an, number, hour(number.into()));
        store.begin_login(new).await.unwrap();
    }
    store.begin_login(login(&binh, 99, hour(1))).await.unwrap();
    let all = LoginFilter {
        account: None,
        after: None,
        limit: 100,
    };
    let listed = async |filter: &LoginFilter, now| {
        let logins = store.logins(filter, now, TIMES).await.unwrap();
        let hours = logins.iter().map(|it| it.begun_at.as_second() / 3_600);
        hours.collect::<Vec<_>>()
    };
    let newest_first: Vec<_> = (6..=25).rev().chain([1]).collect();
    assert_eq!(listed(&all, hour(2)).await, newest_first);
    assert_eq!(listed(&all, hour(30)).await, [25, 24, 23, 22, 21, 20, 19]);
    let of_binh = LoginFilter {
        account: Some(binh.id),
        ..all.clone()
    };
    assert_eq!(listed(&of_binh, hour(2)).await, [1]);
    let rest = LoginFilter {
        after: Some(LoginId::new(7 * 3_600_000, 7)),
        ..all
    };
    assert_eq!(listed(&rest, hour(2)).await, [6, 1]);
    assert_eq!(store.prune_logins(hour(30), TIMES).await.unwrap(), 14);
}

#[tokio::test]
async fn a_code_is_good_once_until_its_end_and_until_there_is_a_newer_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let an = account("an", "An", AccountRole::National);
    add(&store, &an).await;
    store.begin_login(login(&an, 1, hour(1))).await.unwrap();
    for number in [1, 2] {
        let kept = store.add_welcome(code(number), Some(an.id), hour(9));
        kept.await.unwrap();
    }
    assert_eq!(store.welcome(&code(1), hour(1)).await.unwrap(), None);
    assert_eq!(store.welcome(&code(2), hour(9)).await.unwrap(), None);
    let good = store.welcome(&code(2), hour(8)).await.unwrap();
    assert!(matches!(good, Some(WelcomeFor::Account(of)) if of.id == an.id));
    let used = async || store.use_welcome(code(2), "new".to_owned()).await.unwrap();
    assert!(matches!(used().await, Welcomed::Done(_)));
    assert_eq!(used().await, Welcomed::Unknown);
    let known = store.credentials(&an.login).await.unwrap().unwrap();
    assert_eq!(known.password.as_deref(), Some("new"));
    let secret = SessionSecret::new([1; 16]).hash();
    assert_eq!(store.login(&secret).await.unwrap(), None, "logged out");
}

#[tokio::test]
async fn the_first_administrator_comes_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let [one, other] = ["one", "other"].map(|login| account(login, login, AccountRole::Admin));
    for number in [1, 2] {
        let kept = store.add_welcome(code(number), None, hour(9));
        kept.await.unwrap();
    }
    let come = async |number, who: &Account| {
        let come = store.use_first_welcome(code(number), who.clone(), "kept".to_owned());
        come.await.unwrap()
    };
    assert_eq!(
        come(1, &one).await,
        Welcomed::Unknown,
        "there is a newer one"
    );
    assert_eq!(
        store.welcome(&code(2), hour(1)).await.unwrap(),
        Some(WelcomeFor::First)
    );
    assert!(matches!(come(2, &one).await, Welcomed::Done(_)));
    assert!(store.has_administrator().await.unwrap());
    store.add_welcome(code(3), None, hour(9)).await.unwrap();
    assert_eq!(come(3, &other).await, Welcomed::Unknown);
}

#[tokio::test]
async fn another_password_ends_every_login_but_the_one_that_sets_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let an = account("an", "An", AccountRole::National);
    add(&store, &an).await;
    let [own, elsewhere] = [1, 2].map(|number| login(&an, number, hour(1)));
    for new in [&own, &elsewhere] {
        store.begin_login(new.clone()).await.unwrap();
    }
    let set = store.set_password(an.id, "new".to_owned(), own.id);
    set.await.unwrap();
    assert!(store.login(&own.secret).await.unwrap().is_some());
    assert!(store.login(&elsewhere.secret).await.unwrap().is_none());
}

fn act(at: Timestamp, number: u128, account: Option<AccountId>) -> Act {
    Act {
        id: ActId::new(u64::try_from(at.as_millisecond()).unwrap(), number),
        at,
        subject: "portal".to_owned(),
        name: None,
        account,
        role: Role::Admin,
        token: TokenId::generate(1, 2),
        method: "POST".to_owned(),
        route: "/api/v1/conferences".to_owned(),
        about: "/api/v1/conferences/weekly".to_owned(),
        status: 201,
        code: None,
        address: "192.0.2.7".to_owned(),
    }
}

#[tokio::test]
async fn acts_are_read_the_newest_first_and_the_oldest_make_room() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let of = account("an", "An", AccountRole::National).id;
    let mut acts = Vec::new();
    for number in 1..=6 {
        let whose = (number % 2 == 0).then_some(of);
        let one = act(hour(number), 0, whose);
        store.record_act(one.clone()).await.unwrap();
        acts.insert(0, one);
    }
    let all = ActFilter {
        limit: 10,
        ..ActFilter::default()
    };
    assert_eq!(store.acts(&all).await.unwrap(), acts);
    let own = ActFilter {
        account: Some(of),
        after: Some(acts[0].id),
        ..all.clone()
    };
    let read = store.acts(&own).await.unwrap();
    assert_eq!(read, [acts[2].clone(), acts[4].clone()]);
    assert_eq!(store.prune_acts(hour(3)).await.unwrap(), 2);
    let pruned = store.prune_acts_beyond(hour(0), 3).await.unwrap();
    assert_eq!(pruned, 1);
    assert_eq!(store.acts(&all).await.unwrap(), acts[..3]);
}

#[tokio::test]
async fn a_hundred_and_fifty_thousand_accounts_are_listed_and_searched_at_once() {
    const MANY: u32 = 150_000;
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let filled = store.writer.write(|connection| {
        Box::pin(async move {
            for number in 0..MANY {
                let role = AccountRole::ALL[number as usize % AccountRole::ALL.len()];
                let one = account(&format!("an{number:06}"), "Nguyễn Thị An", role);
                insert(connection, &one, Secrets::default()).await?;
            }
            Ok(())
        })
    });
    filled.await.unwrap();
    let page = AccountFilter {
        limit: 201,
        ..AccountFilter::default()
    };
    let after = |login: &str| Some(login.parse().unwrap());
    for filter in [
        page.clone(),
        AccountFilter {
            after: after("an149000"),
            role: Some(AccountRole::Auditor),
            ..page.clone()
        },
        AccountFilter {
            query: Some("nguyen an149".to_owned()),
            ..page.clone()
        },
        AccountFilter {
            query: Some("nobody is called so".to_owned()),
            ..page.clone()
        },
    ] {
        let mut best = std::time::Duration::MAX;
        for _ in 0..5 {
            let began = std::time::Instant::now();
            let accounts = store.accounts(&filter).await.unwrap();
            best = best.min(began.elapsed());
            let size = serde_json::to_string(&accounts).unwrap().len();
            assert!(size < 100_000, "{size} bytes: {filter:?}");
        }
        assert!(best.as_millis() < 200, "{best:?}: {filter:?}");
    }
}
